import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { storedHistory, storedPool } from '../support/database.ts'
import { type Failure, failureOf } from '../support/failure.ts'
import { testPool } from '../support/pool.ts'

interface Refusal {
  readonly typed: string[]
  /** Its JSON error, as far as it is compared. */
  readonly error: Partial<Failure>
  /** Names and values that the one line on stderr must have. */
  readonly facts: string[]
}

const wrong = (typed: string[], ...facts: string[]): Refusal => ({
  typed,
  error: { code: 'usage', status: 2 },
  facts,
})
const usage = (typed: string, ...facts: string[]): Refusal => wrong(typed.split(' '), ...facts)

const TOO_MANY: Partial<Failure> = {
  code: 'impossible-request',
  status: 2,
  reason: { code: 'impossible', requested: 5, gpus: 4 },
}
const NOT_FOUND = { code: 'command-not-found', status: 127 } as const
const NOT_EXECUTABLE = { code: 'command-not-executable', status: 126 } as const

const TASK =
  '{"process":{"pid":4194305,"startTime":1,"bootId":"","pidNamespace":""},"pidfd":null,"messages":null,"gpus":[0],"limit":{}}'

const REFUSALS: readonly Refusal[] = [
  // Options that do not exist.
  usage('reserve --gpsu 2', '--gpsu'),
  usage('run --gpsu 2 -- true', '--gpsu'),
  usage('--frobnicate status', '--frobnicate'),
  usage('status --frobnicate', '--frobnicate'),
  usage('release --force', '--force'),
  usage('status --gpus 2', '--gpus'),
  usage('report -x', '-x'),
  // Commands that do not exist.
  usage('frobnicate', 'frobnicate'),
  usage('stauts', 'stauts'),
  usage('__nonsense', '__nonsense'),
  // Commands that only the program itself uses, typed by hand.
  ...[
    '',
    '{}',
    '{"process":{"pid":2},"gpus":[0]}',
    TASK.replace('null', '"x"'),
    TASK.replace('[0]', '[{}]'),
  ].map((task) => wrong(['__supervise', 'sqlite:///nowhere', 'some', task], 'canhazgpu run')),
  ...['', '{', 'null', '{}', '{"kind":"report"}', '{"kind":"history","range":{"from":0}}'].map((question) =>
    wrong(['__usage', 'sqlite:///nowhere', question], 'canhazgpu web'),
  ),
  // Counts.
  ...['0', '-1', '1.5', 'two', '1e3', '0x10', '99999999999999999999', '1025', '١', ' 1'].flatMap((count) => [
    wrong(['reserve', `--gpus=${count}`], '--gpus', count),
    wrong(['run', `--gpus=${count}`, '--', 'true'], '--gpus', count),
    wrong(['admin', `--gpus=${count}`, '--force'], '--gpus', count),
  ]),
  wrong(['reserve', '--gpus', ''], '--gpus'),
  usage('reserve --gpus', '--gpus'),
  usage('reserve -g', '--gpus'),
  { typed: ['reserve', '--gpus', '5'], error: TOO_MANY, facts: ['5', '4'] },
  { typed: ['run', '--gpus', '5', '--', 'true'], error: TOO_MANY, facts: ['5', '4'] },
  // Durations.
  ...['0', '0h', '-1h', '1', 'abc', '1w', '366d', '1h 30m', '30m1h', '99999999999999999999d', '∞'].map(
    (duration) => wrong(['reserve', `--duration=${duration}`], `'${duration}'`, '1h30m'),
  ),
  usage('reserve --duration', '--duration'),
  // Days.
  ...['0', '-7', '1.5', 'all', '99999', ''].map((days) =>
    wrong(['report', `--days=${days}`], '--days', `'${days}'`),
  ),
  // Misplaced arguments.
  usage('status now', 'now'),
  usage('release 0', '0'),
  usage('reserve 2', '2'),
  usage('status -- true', '--'),
  usage('reserve -- true', '--'),
  usage('report --days 7 30', '30'),
  // `--` and a command after it are required.
  usage('run', "'--'"),
  usage('run true', "'--'"),
  usage('run --gpus 1 python train.py', "'--'"),
  usage('run --gpus 1', "'--'"),
  usage('run --', "'--'"),
  usage('run python -- train.py', 'python'),
  // The word after `--wait` is a command, not a duration.
  usage('run --wait python train.py', "'--'", '-- python train.py'),
  usage('run -w python', "'--'"),
  usage('run --wait 5x -- true', "'5x'"),
  // Each hint names the command's help page once.
  usage('report --dayz 3', '--days', 'canhazgpu report --help'),
  usage('run --gpsu 2 -- true', 'canhazgpu run --help'),
  usage('reserve --gpus two', 'canhazgpu reserve --help'),
  usage('--frobnicate status', 'canhazgpu --help'),
  // Settings.
  usage('status --memory-threshold 0', '--memory-threshold', '0'),
  usage('status --memory-threshold 1GB', '--memory-threshold', '1GB'),
  usage('status --probe-timeout 10', '--probe-timeout', '10'),
  usage('admin --gpus 2 --force --provider cuda', '--provider', 'cuda', 'nvml'),
  usage('admin --gpus 2 --force --allocation random', '--allocation', 'random', 'lru'),
  usage('admin --gpus 2 --force --group no-such-group-here', 'no-such-group-here'),
  usage('admin --force', '--gpus'),
  // Programs.
  { typed: ['run', '--', 'no-such-program'], error: NOT_FOUND, facts: ['no-such-program'] },
  { typed: ['run', '--', '/no/such/program'], error: NOT_FOUND, facts: ['/no/such/program'] },
  { typed: ['run', '--', ''], error: NOT_FOUND, facts: [] },
  // Shell command lines.
  {
    typed: ['run', '--', 'conda activate x'],
    error: NOT_FOUND,
    facts: ['conda activate x', 'run -- conda run -n x COMMAND'],
  },
  {
    typed: ['run', '--', 'NO_SUCH=1', 'python', 'train.py'],
    error: NOT_FOUND,
    facts: ['run -- env NO_SUCH=1 python train.py'],
  },
  {
    typed: ['run', '--', "python -c 'x' && true"],
    error: NOT_FOUND,
    facts: ["run -- bash -c 'python -c '\\''x'\\'' && true'"],
  },
  {
    typed: ['run', '--', 'source', 'venv/bin/activate'],
    error: NOT_FOUND,
    facts: ["bash -c 'source venv/bin/activate'"],
  },
  { typed: ['run', '--', '/etc/passwd'], error: NOT_EXECUTABLE, facts: ['/etc/passwd'] },
  { typed: ['run', '--', '/etc'], error: NOT_EXECUTABLE, facts: ['/etc'] },
]

/** With `--json` after the first word: at the end it could be taken for the value of an option. */
const withJson = ([command = '', ...rest]: readonly string[]) => [command, '--json', ...rest]

test.each(REFUSALS.map((refusal) => [refusal.typed.join(' '), refusal] as const))(
  'canhazgpu %s',
  async (_, { typed, error, facts }) => {
    using pool = await testPool(4)
    const before = { pool: storedPool(pool), history: storedHistory(pool) }
    const refused = await pool.chg(...typed)
    expect(refused.stdout).toBe('')
    expect(refused.stderr).toMatch(/^Error: [^\n]+\n$/)
    for (const fact of facts) expect(refused.stderr).toContain(fact)
    expect(refused.status).toBe(error.status ?? null)
    // Commands that only the program itself uses have no options.
    if (!typed[0]?.startsWith('__')) {
      expect(failureOf(await pool.chg(...withJson(typed)))).toMatchObject(error)
    }
    expect({ pool: storedPool(pool), history: storedHistory(pool) }).toEqual(before)
  },
)

test('words after -- are not parsed', async () => {
  using pool = await testPool(2)
  const script = 'echo "$@"; exit 3'
  const rest = ['--help', '--version', '--gpus', '99', '--', '-h', '--json', '--config', '/no', '-g', '']
  const { status, stdout } = await pool.chg('run', '--', 'sh', '-c', script, 'sh', ...rest)
  expect(stdout).toBe(`${rest.join(' ')}\n`)
  expect(status).toBe(3)
})

test('a value that looks like an option stays a value', async () => {
  using pool = await testPool(1)
  expect(failureOf(await pool.chg('reserve', '--json', '--duration', '--gpus'))).toMatchObject({
    ...{ code: 'usage', status: 2 },
    message: expect.stringContaining("'--gpus'"),
  })
})

test('without a pool every command prints how to create one', async () => {
  using pool = await testPool(0)
  for (const command of ['status', 'reserve', 'release', 'report', 'run']) {
    const rest = command === 'run' ? ['--', 'true'] : []
    const refused = await pool.chg(command, '--json', ...rest)
    expect(refused.stdout).toBe('')
    expect(failureOf(refused)).toMatchObject({
      code: 'pool-not-initialized',
      status: command === 'run' ? 125 : 1,
      message: expect.stringContaining('canhazgpu admin --gpus '),
    })
  }
  expect(existsSync(`${pool.folder}/pool`)).toBe(false)
})

test('with --json an error is one object on stderr', async () => {
  using pool = await testPool(2)
  const errors: [string[], string, number][] = [
    [['reserve', '--gpus', '3', '--json'], 'impossible-request', 2],
    [['reserve', '--json', '--frobnicate'], 'usage', 2],
    [['admin', '--gpus', '2', '--json'], 'pool-already-initialized', 1],
    [['run', '--json', '--', 'no-such-program'], 'command-not-found', 127],
  ]
  for (const [typed, code, status] of errors) {
    const refused = await pool.chg(...typed)
    expect(refused.stdout).toBe('')
    expect(refused.stderr.trimEnd()).not.toContain('\n')
    expect(failureOf(refused)).toMatchObject({ code, status })
  }
  await pool.chg('reserve', '--gpus', '2')
  expect(failureOf(await pool.chg('reserve', '--json'))).toMatchObject({
    code: 'not-enough-gpus',
    status: 75,
  })
})

test.each(['redis', 'sqlite:relative.db', 'sqlite:///', 'http://x/y', ' '])(
  'a store like %p is refused',
  async (store) => {
    using pool = await testPool(0)
    const refused = await pool.chg('status', '--json', '--store', store)
    expect(refused.stdout).toBe('')
    expect(failureOf(refused)).toMatchObject({
      ...{ code: 'usage', status: 2 },
      message: expect.stringMatching(/--store[^\n]*sqlite:\/\/\//),
    })
  },
)

test('a store that is a folder: the hint names a file in it', async () => {
  using pool = await testPool(0)
  expect(failureOf(await pool.chg('status', '--json', '--store', pool.folder))).toMatchObject({
    ...{ code: 'store-unavailable', status: 1 },
    message: expect.stringContaining(pool.folder),
    hint: expect.stringContaining(`${pool.folder}/pool.db`),
  })
})
