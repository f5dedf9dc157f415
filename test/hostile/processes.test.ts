import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { processStat } from '../../src/adapters/kernel/processes.ts'
import { compile, firstLine } from '../adapters/process/programs.ts'
import { temporaryFolder } from '../adapters/process/temporary-folder.ts'
import { startJob } from '../support/job.ts'
import { missing, needing } from '../support/needs.ts'
import { type TestPool, testPool } from '../support/pool.ts'
import { ownName } from '../support/unix-users.ts'
import { until } from '../support/until.ts'
import { runChecked } from './screen.ts'

const me = ownName()
const folder = temporaryFolder()
const named = folder.file('named')
beforeAll(() => {
  if (missing('gcc') === null) compile(`${import.meta.dir}/named.c`, named)
})
afterAll(() => folder[Symbol.dispose]())

interface Squatter extends Disposable {
  readonly pid: number
}

interface Disguise {
  /** The process name (`comm`). */
  readonly name?: string
  /** The command line, starting with the program's name. */
  readonly argv?: readonly string[]
  /** The text that the process writes over its command line. */
  readonly title?: string
  readonly zombie?: true
  readonly uid?: number
}

async function squatter({ name, argv = ['a title'], title, zombie, uid }: Disguise): Promise<Squatter> {
  const [argv0 = '', ...rest] = argv
  const other = uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, '--clear-groups']
  const child = Bun.spawn([...other, named, ...rest], {
    ...(uid === undefined ? { argv0 } : {}),
    env: {
      PATH: process.env.PATH,
      ...(name === undefined ? {} : { NAME: name }),
      ...(title === undefined ? {} : { TITLE: title }),
      ...(zombie === undefined ? {} : { ZOMBIE: '1' }),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const pid = Number(await firstLine(child.stdout))
  return { pid, [Symbol.dispose]: () => child.kill('SIGKILL') }
}

/** Makes the driver report the pid, and nothing else, as a user of GPU 0. */
function uses(pool: TestPool, pid: number): void {
  pool.setFakeDriver({ gpus: { '0': { memory_used_mb: 9000, processes: [{ pid }] } } })
}

interface Shown {
  readonly line: string
  readonly process: { readonly pid: number; readonly name: string; readonly user?: string }
  readonly model?: string
}

/** Checks all formats of `status` for GPU 0. */
async function shownBy(pool: TestPool): Promise<Shown> {
  const { stdout } = await runChecked(pool, 'status')
  expect(stdout).toMatch(/^GPU 0: IN USE WITHOUT RESERVATION by [^\n]+\n$/)
  expect((await runChecked(pool, 'status', '--table')).stdout.split('\n')).toHaveLength(3)
  const [gpu] = JSON.parse((await runChecked(pool, 'status', '--json')).stdout)
  expect(gpu.status).toBe('UNRESERVED')
  return { line: stdout, process: gpu.processes[0], model: gpu.model }
}

needing('gcc').describe('a process on a GPU', () => {
  const names = [
    ') R 1 1 1',
    ') Z 1 (x',
    '((((((((((((((',
    '\u001b[31mred',
    '\nUid:\t7\t7',
    'a\nName:\tb',
    '\t \t',
    '\\n\\',
    '\u202egnol',
    '\u009b31m',
    '\r\rGPU',
  ]
  test.each(names)('may have the name %j', async (name) => {
    using pool = await testPool(1)
    using process = await squatter({ name })
    uses(pool, process.pid)
    const { line, process: shown } = await shownBy(pool)
    expect(line).toContain(`by user ${me} - 9000MB used by PID ${process.pid} (`)
    expect(shown).toMatchObject({ pid: process.pid, user: me })
    expect(processStat(process.pid)?.threads).toBe(1)
  })

  test('may have no name at all', async () => {
    using pool = await testPool(1)
    using process = await squatter({ name: '' })
    uses(pool, process.pid)
    expect((await shownBy(pool)).process.name).toBe('unknown')
  })

  test('may be a zombie with a name', async () => {
    using pool = await testPool(1)
    using process = await squatter({ name: 'dead (x) R', zombie: true })
    expect(processStat(process.pid)?.state).toBe('Z')
    uses(pool, process.pid)
    expect((await shownBy(pool)).process.name).toBe('dead (x) R')
  })

  test('may have ended', async () => {
    using pool = await testPool(1)
    const gone = await squatter({})
    gone[Symbol.dispose]()
    await until('the process is reaped', () => processStat(gone.pid) === null)
    uses(pool, gone.pid)
    expect((await shownBy(pool)).line).toContain(`by user unknown - 9000MB used by PID ${gone.pid} (unknown)`)
  })

  const long = 'x'.repeat(100_000)
  const commandLines: readonly (readonly [what: string, disguise: Disguise])[] = [
    [
      'of escapes',
      { argv: ['/bin/\u001b]0;title\u0007sh', '\u001b[2J', '\u009b1m', '--model', '\u001b[31mred'] },
    ],
    ['of two hundred thousand characters', { argv: ['/bin/long', long, long] }],
    ['of 180,000 empty words', { argv: ['/bin/many', ...new Array<string>(180_000).fill(''), 'end'] }],
    ['of several lines', { argv: ['/bin/a\nGPU 1: AVAILABLE', '\r\n\r\n'] }],
    ['of only spaces', { argv: ['   ', ' '] }],
    ['of marks without letters', { argv: ['/bin/\ufffd', '\u0301'.repeat(1_000)] }],
    ['of one long word', { argv: [`/bin/${long}`] }],
    ['that the process overwrote', { argv: [long], title: 'worker \u001b[31m' }],
    ['that the process overwrote, without a space', { argv: ['/bin/sh', 'x'], title: '\u009b' }],
  ]
  test.each(commandLines)('may have a command line %s', async (_, disguise) => {
    using pool = await testPool(1)
    using process = await squatter(disguise)
    uses(pool, process.pid)
    await shownBy(pool)
  })

  needing('root').test('may belong to a user without a name', async () => {
    using pool = await testPool(1)
    using process = await squatter({ uid: 54_321 })
    uses(pool, process.pid)
    expect((await shownBy(pool)).process.user).toBe('uid 54321')
  })
})

needing('gcc').describe('a run', () => {
  test.each([') Z 1 1 1', '\nState:\tZ', ')'])(
    'keeps its GPU while its command has the name %j',
    async (name) => {
      using pool = await testPool(1)
      pool.env.NAME = name
      const job = await startJob(pool, [], named)
      expect(readFileSync(`/proc/${job.pid}/stat`, 'latin1')).toContain(name)
      expect((await runChecked(pool, 'status')).stdout).toStartWith('GPU 0: IN USE by ')
      job.process.kill('SIGKILL')
      await job.process.exited
      expect((await runChecked(pool, 'status')).stdout).toStartWith('GPU 0: AVAILABLE')
    },
  )
})
