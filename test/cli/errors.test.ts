import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { storedHistory, storedPool } from '../support/database.ts'
import { failureOf } from '../support/failure.ts'
import { testPool } from '../support/pool.ts'

interface Refusal {
  readonly typed: string[]
  readonly status: number
  /** The expected parts of the one line on stderr. */
  readonly expected: string[]
}

const usage = (typed: string, ...expected: string[]): Refusal => ({
  typed: typed.split(' '),
  status: 2,
  expected,
})

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
  // Commands of the program itself, typed by hand.
  ...[
    '',
    '{}',
    '{"process":{"pid":2},"gpus":[0]}',
    TASK.replace('null', '"x"'),
    TASK.replace('[0]', '[{}]'),
  ].map((task) => ({
    typed: ['__supervise', 'sqlite:///nowhere', 'some', task],
    status: 2,
    expected: ['canhazgpu run'],
  })),
  ...['', '{', 'null', '{}', '{"kind":"report"}', '{"kind":"history","range":{"from":0}}'].map(
    (question) => ({
      typed: ['__usage', 'sqlite:///nowhere', question],
      status: 2,
      expected: ['canhazgpu web'],
    }),
  ),
  // Counts.
  ...['0', '-1', '1.5', 'two', '1e3', '0x10', '99999999999999999999', '1025', '١', ' 1'].flatMap((count) => [
    { typed: ['reserve', `--gpus=${count}`], status: 2, expected: ['--gpus', count] },
    { typed: ['run', `--gpus=${count}`, '--', 'true'], status: 2, expected: ['--gpus', count] },
    { typed: ['admin', `--gpus=${count}`, '--force'], status: 2, expected: ['--gpus', count] },
  ]),
  { typed: ['reserve', '--gpus', ''], status: 2, expected: ['--gpus'] },
  usage('reserve --gpus', '--gpus'),
  usage('reserve -g', '--gpus'),
  usage('reserve --gpus 5', '5', '4 GPUs (IDs 0 to 3)'),
  usage('run --gpus 5 -- true', '5', '4 GPUs (IDs 0 to 3)'),
  // Durations.
  ...['0', '0h', '-1h', '1', 'abc', '1w', '366d', '1h 30m', '30m1h', '99999999999999999999d', '∞'].map(
    (duration) => ({
      typed: ['reserve', `--duration=${duration}`],
      status: 2,
      expected: [duration, '1h30m'],
    }),
  ),
  usage('reserve --duration', '--duration'),
  // Days.
  ...['0', '-7', '1.5', 'all', '99999', ''].map((days) => ({
    typed: ['report', `--days=${days}`],
    status: 2,
    expected: ['--days', days],
  })),
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
  usage('run --wait python train.py', "Missing '--'", 'canhazgpu run [OPTIONS] -- python train.py'),
  usage('run -w python', "Missing '--'"),
  usage('run --wait 5x -- true', "Invalid duration '5x'"),
  // Each hint names the command's help page once.
  usage('report --dayz 3', "(Did you mean --days?) - see 'canhazgpu report --help'\n"),
  usage('run --gpsu 2 -- true', "see 'canhazgpu run --help'"),
  usage('reserve --gpus two', "see 'canhazgpu reserve --help'"),
  usage('admin', "see 'canhazgpu admin --help'"),
  usage('--frobnicate status', "see 'canhazgpu --help'"),
  // Settings.
  usage('status --memory-threshold 0', '--memory-threshold', '0'),
  usage('status --memory-threshold 1GB', '--memory-threshold', '1GB'),
  usage('status --probe-timeout 10', '--probe-timeout', '10'),
  usage('admin --gpus 2 --force --provider cuda', '--provider', 'cuda', 'nvml'),
  usage('admin --gpus 2 --force --allocation random', '--allocation', 'random', 'lru'),
  usage('admin --gpus 2 --force --group no-such-group-here', 'no-such-group-here'),
  usage('admin', '--gpus'),
  usage('admin --force', '--gpus'),
  // Programs.
  { typed: ['run', '--', 'no-such-program'], status: 127, expected: ['not found', 'no-such-program'] },
  { typed: ['run', '--', '/no/such/program'], status: 127, expected: ['not found', '/no/such/program'] },
  { typed: ['run', '--', ''], status: 127, expected: ['not found'] },
  // Shell command lines.
  {
    typed: ['run', '--', 'conda activate x'],
    status: 127,
    expected: ['not found: conda activate x', 'run -- conda run -n x COMMAND'],
  },
  {
    typed: ['run', '--', 'NO_SUCH=1', 'python', 'train.py'],
    status: 127,
    expected: ['run -- env NO_SUCH=1 python train.py'],
  },
  {
    typed: ['run', '--', "python -c 'x' && true"],
    status: 127,
    expected: ['leave out the quotes', "run -- bash -c 'python -c '\\''x'\\'' && true'"],
  },
  {
    typed: ['run', '--', 'source', 'venv/bin/activate'],
    status: 127,
    expected: ["bash -c 'source venv/bin/activate'"],
  },
  { typed: ['run', '--', '/etc/passwd'], status: 126, expected: ['not executable', '/etc/passwd'] },
  { typed: ['run', '--', '/etc'], status: 126, expected: ['not executable', '/etc'] },
]

test.each(REFUSALS.map((refusal) => [refusal.typed.join(' '), refusal] as const))(
  'canhazgpu %s',
  async (_, { typed, status, expected }) => {
    using pool = await testPool(4)
    const before = { pool: storedPool(pool), history: storedHistory(pool) }
    const refused = await pool.chg(...typed)
    expect(refused.stdout).toBe('')
    expect(refused.stderr).toMatch(/^Error: [^\n]+\n$/)
    for (const words of expected) expect(refused.stderr).toContain(words)
    expect(refused.status).toBe(status)
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
  const { status, stderr } = await pool.chg('reserve', '--duration', '--gpus')
  expect(status).toBe(2)
  expect(stderr).toMatch(/^Error: .*--duration.*\n$|^Error: .*'--gpus'.*\n$/)
})

test('without a pool every command prints how to create one', async () => {
  using pool = await testPool(0)
  const words = "Error: GPU pool not initialized - run 'canhazgpu admin --gpus <count>' first\n"
  for (const command of [['status'], ['reserve'], ['release'], ['report']]) {
    expect(await pool.chg(...command)).toEqual({ status: 1, stdout: '', stderr: words })
  }
  expect(await pool.chg('run', '--', 'true')).toEqual({ status: 125, stdout: '', stderr: words })
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
    const { status, stdout, stderr } = await pool.chg('status', '--store', store)
    expect(status).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^Error: [^\n]*--store[^\n]*sqlite:\/\/\/[^\n]*\n$/)
  },
)

test('a store that is a folder: the message suggests a file in it', async () => {
  using pool = await testPool(0)
  const { status, stderr } = await pool.chg('status', '--store', pool.folder)
  expect(stderr).toBe(
    `Error: The pool ${pool.folder} cannot be opened: it is a folder - name a file in it, such as ${pool.folder}/pool.db\n`,
  )
  expect(status).toBe(1)
})
