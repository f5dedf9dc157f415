import { expect } from 'bun:test'
import { binary, type TestPool } from '../support/pool.ts'
import { openTerminal } from '../support/terminal.ts'
import { until } from '../support/until.ts'
import { storedQueue } from '../support/waiters.ts'
import type { Step } from './examples.ts'
import type { Situation } from './page.ts'

export interface Trial {
  readonly pool: TestPool
  readonly shell: string
  readonly step: Step
  readonly situation: Situation
  /** Text without what differs from run to run. */
  readonly comparable: (text: string) => string
}

/** Types the step in its situation. Returns everything that it has printed. */
export async function typing(trial: Trial): Promise<string> {
  const { pool, shell, step, situation } = trial
  const argv = [shell, `${pool.folder}/typed`]
  await Bun.write(`${pool.folder}/typed`, inFolder(step.typed, pool.folder))
  if (situation.onTerminal) return await onTerminal(trial, argv)
  const options = {
    env: pool.env,
    cwd: pool.folder,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  } as const
  const child = Bun.spawn(argv, options)
  const streams = [collected(child.stdout), collected(child.stderr)]
  const printed = (): string => streams.map(({ text }) => text()).join('')
  if (situation.serves) {
    await until('it prints what the page shows', () => showsAll(trial, printed()))
    child.kill('SIGTERM')
    await child.exited
    return printed()
  }
  if (situation.meanwhile) {
    await until('it waits', () => storedQueue(pool).length > 0 || child.exitCode !== null)
    await situation.meanwhile(pool)
  }
  const status = await child.exited
  await Promise.all(streams.map(({ end }) => end))
  expectOutcome(trial, status, printed())
  return printed()
}

/** The lines of the page below this step that were not printed. */
export function missingIn({ step, comparable }: Trial, printed: string): readonly string[] {
  const text = comparable(printed)
  return step.output.filter((line) => !text.includes(comparable(line)))
}

const showsAll = (trial: Trial, printed: string): boolean => missingIn(trial, printed).length === 0

async function onTerminal(trial: Trial, argv: string[]): Promise<string> {
  using terminal = openTerminal(trial.pool, argv, { columns: 500, env: { NO_COLOR: '1' } })
  await until('it shows what the page shows', () => showsAll(trial, terminal.shown))
  expectOutcome(trial, await terminal.process.exited, terminal.shown)
  return terminal.shown
}

/** A line of a console fails if the page shows an error. */
function expectOutcome({ step, situation }: Trial, status: number, printed: string): void {
  const { typed, output } = step
  const fails = output.some((line) => line.startsWith('Error: '))
  const expected = situation.status ?? (fails ? 'a failure' : 0)
  const outcome = expected === 'a failure' && status !== 0 ? expected : status
  expect({ typed, outcome, printed }).toMatchObject({ outcome: expected })
}

function collected(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
  let text = ''
  const end = (async () => {
    const decoder = new TextDecoder()
    for await (const bytes of stream) text += decoder.decode(bytes, { stream: true })
  })()
  return { text: () => text, end }
}

/** The files of an example are in the folder of the test. The executable under test may itself be below /tmp. */
const inFolder = (typed: string, folder: string): string =>
  typed
    .split(binary)
    .map((part) => part.replaceAll('/tmp/', `${folder}/`))
    .join(binary)
