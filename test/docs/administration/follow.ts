import type { Finished } from '../../support/pool.ts'
import type { SystemdMachine } from '../../support/systemd.ts'
import { examplesOf } from '../examples.ts'

/** What surrounds a code block of a page when its lines are typed. */
export interface Surroundings {
  readonly before?: () => Promise<unknown>
  readonly after?: () => Promise<unknown>
  /** The account that types it; the default is root. */
  readonly as?: string
  /** The exit status of each line; the default is 0. */
  readonly status?: number
  /** Why it is not typed. */
  readonly notTyped?: string
}

/** The blocks of a page that need more than their lines, by their first lines. */
export type Procedure = Readonly<Record<string, Surroundings>>

/** Types all blocks of a page in their order, and compares what is printed with what the page shows. */
export async function follow(on: SystemdMachine, page: string, procedure: Procedure): Promise<void> {
  const blocks = examplesOf(page)
  const unknown = Object.keys(procedure).filter((name) => !blocks.some((block) => block.name === name))
  if (unknown.length > 0) throw new Error(`${page} has no block that begins with: ${unknown.join('; ')}`)
  for (const { name, steps } of blocks) {
    const { before, after, as, status = 0, notTyped } = procedure[name] ?? {}
    if (notTyped !== undefined) continue
    await before?.()
    for (const { typed, output } of steps) {
      const printed = await on.sh(as === undefined ? `set -e\n${typed}` : asAccount(as, typed))
      const text = normal(`${printed.stdout}${printed.stderr}`)
      const missing = output.filter((line) => !text.includes(normal(line)))
      if (printed.status !== status || missing.length > 0)
        throw difference(`${page}: ${typed}`, missing, printed)
    }
    await after?.()
  }
}

/** The command line that types a script as this account. */
export const asAccount = (name: string, script: string): string =>
  `su ${name} -c '${script.replaceAll("'", `'\\''`)}'`

const difference = (typed: string, missing: readonly string[], { status, stdout, stderr }: Finished): Error =>
  new Error(
    `${typed}\nended with ${status}\nthe page shows:\n${missing.join('\n')}\nprinted was:\n${stdout}${stderr}`,
  )

/** Text without numbers, times and random names. */
const normal = (text: string): string =>
  text
    .replaceAll(/\d+h \d+m \d+s/g, 'TIME')
    .replaceAll(/damaged-\w+-\w+/g, 'DAMAGED')
    .replaceAll(/(tomorrow )?\b\d\d:\d\d\b(?!:)/g, 'CLOCK')
    .replaceAll(/\d+ (usage record|reservation)s?\b/g, 'N $1')
    .replaceAll(/(schema version) \d+/g, '$1 N')
    .replaceAll(/ +/g, ' ')
