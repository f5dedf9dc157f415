import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type TestPool, testPool } from '../../support/pool.ts'

let pool: TestPool
beforeAll(async () => {
  pool = await testPool(2)
})
afterAll(() => pool?.[Symbol.dispose]())

/** Command lines, and the line that each prints. The last group starts a program that does not exist. */
const CASES: readonly (readonly [typed: readonly string[], printed: string])[] = [
  // The command and its words.
  [['frobnicate'], "Unknown command 'frobnicate' - see 'canhazgpu --help'"],
  [['stauts'], "Unknown command 'stauts' (Did you mean status?) - see 'canhazgpu --help'"],
  [['help', 'rnu'], "Unknown command 'rnu' - see 'canhazgpu --help'"],
  [['help', 'run', 'more'], "Unexpected argument 'more' - see 'canhazgpu help'"],
  [['release', '3'], "'3' is not the id of a reservation or booking - use '--gpu-ids 3'"],
  [['status', 'now'], "Unexpected argument 'now' - see 'canhazgpu status --help'"],
  [['status', '--', 'true'], "'status' takes no command after '--' - see 'canhazgpu status --help'"],
  [['extend'], "Missing DURATION - see 'canhazgpu extend --help'"],
  [['completion', 'tcsh'], "No completion for 'tcsh' - expected one of bash, zsh, fish"],
  [['run'], "Missing '--' before the command - use for example: canhazgpu run --gpus 1 -- python train.py"],
  [
    ['run', 'python', 'x.py'],
    "Missing '--' before the command - write: canhazgpu run [OPTIONS] -- python x.py",
  ],
  [['run', '--'], "Missing command after '--' - use for example: canhazgpu run --gpus 1 -- python train.py"],
  [['__supervise', 'x'], "__supervise is only for 'canhazgpu run'"],
  // Options.
  [['--frobnicate', 'status'], "Unknown option '--frobnicate' - see 'canhazgpu --help'"],
  [
    ['report', '--dayz', '3'],
    "Unknown option '--dayz' (Did you mean --days?) - see 'canhazgpu report --help'",
  ],
  [['reserve', '--gpus'], "Option '-g, --gpus <count>' argument missing - see 'canhazgpu reserve --help'"],
  [['status', '--json=1'], "Option '-j, --json' takes no value - see 'canhazgpu status --help'"],
  [
    ['admin', '--memory-threshold', '1GB'],
    "Invalid value for --memory-threshold: '1GB' - expected a whole number of megabytes above zero, such as 1024 - see 'canhazgpu admin --help'",
  ],
  // Options together.
  [['run', '--grace', '1s', '--', 'true'], '--grace needs --timeout or --until-booked'],
  [
    ['reserve', '--gpus', '3', '--gpu-ids', '0,1'],
    '--gpus 3 and --gpu-ids 0,1 disagree: 2 ids are named - leave out --gpus',
  ],
  [['reserve', '--wait', '--nonblock'], '--wait and --nonblock contradict each other'],
  [['reserve', '--claim', '--wait'], '--claim does not wait, so --wait has no effect with it'],
  [['reserve', '--short', '--export'], 'Only one of --short, --export and --docker can be printed'],
  [['status', '--table', '--summary'], '--table and --summary contradict each other'],
  [['status', '--watch'], "--watch needs a terminal to draw on - use 'status --json' in scripts"],
  [
    ['admin', '--check', '--gpus', '4'],
    '--check and --gpus contradict each other - use --check without other options',
  ],
  // Programs.
  [['run', '--', 'no-such-program'], 'command not found: no-such-program'],
  [['run', '--', '/etc/passwd'], 'command not executable: /etc/passwd'],
  [
    ['run', '--', 'NO_SUCH=1', 'python'],
    'command not found: NO_SUCH=1 - use env(1) to set a variable: run -- env NO_SUCH=1 python',
  ],
  [
    ['run', '--', 'cd', '/tmp'],
    "command not found: cd - cd is a shell builtin, not a program: run -- bash -c 'cd /tmp'",
  ],
  [
    ['run', '--', 'conda activate x'],
    'command not found: conda activate x - activate it before canhazgpu, or use: run -- conda run -n x COMMAND',
  ],
  [
    ['run', '--', "python -c 'x' && true"],
    "command not found: python -c 'x' && true - a program and its arguments are expected as separate words: leave out the quotes, or use: run -- bash -c 'python -c '\\''x'\\'' && true'",
  ],
]

test.each(CASES)('%j: %s', async (typed, printed) => {
  const { stdout, stderr } = await pool.chg(...typed)
  expect({ stdout, stderr }).toEqual({ stdout: '', stderr: `Error: ${printed}\n` })
})

test('without a command: help, then the error', async () => {
  expect((await pool.chg()).stderr).toEndWith("\nError: Missing command - see 'canhazgpu --help'\n")
})
