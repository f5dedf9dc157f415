import { expect, test } from 'bun:test'
import packageJson from '../../package.json' with { type: 'json' }
import { finished, testPool } from '../support/pool.ts'
import { openTerminal } from '../support/terminal.ts'

const ESCAPE = '\u001b['

test('--help lists the commands with their summaries', async () => {
  using pool = await testPool(0)
  const { stdout, stderr, status } = await pool.chg('--help')
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
  expect(stdout).toStartWith('Usage: canhazgpu [OPTIONS] COMMAND [ARGS]...\n\nCommands:\n  admin')
  const words = [
    ['admin', 'Initialize GPU pool for this machine'],
    ['release', 'Release all manually reserved GPUs held by the current user'],
    ['report', 'Generate GPU usage reports'],
    ['reserve', 'Reserve GPUs manually for a specified duration'],
    ['run', 'Reserve GPUs and run a command with CUDA_VISIBLE_DEVICES set'],
    ['status', 'Show current GPU allocation status'],
  ]
  for (const [name, summary] of words) expect(stdout).toMatch(new RegExp(`^  ${name} +${summary}$`, 'm'))
  expect((await pool.chg('-h')).stdout).toBe(stdout)
})

test.each([
  ['admin', '--gpus', '--force'],
  ['status'],
  ['run', '--gpus'],
  ['reserve', '--gpus', '--duration'],
  ['release'],
  ['report', '--days'],
])('%s --help prints its options and does nothing else', async (command, ...options) => {
  using pool = await testPool(0)
  const { stdout, stderr, status } = await pool.chg(command, '--help')
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
  expect(stdout).toStartWith(`Usage: canhazgpu ${command} `)
  for (const option of options) expect(stdout).toMatch(new RegExp(`^ .*${option}\\b`, 'm'))
  expect(stdout).not.toContain('undefined')
})

test('--version', async () => {
  using pool = await testPool(0)
  // Git may refuse a checkout that another account owns.
  const git = Bun.spawnSync(['git', 'rev-parse', '--short', 'HEAD'], { stderr: 'ignore' })
  const commit = ` \\([0-9a-f]+(-dirty)?\\)`
  const built = git.exitCode === 0 ? commit : `(${commit})?`
  for (const flag of ['--version', '-V']) {
    const { status, stdout, stderr } = await pool.chg(flag)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(new RegExp(`^${packageJson.version.replaceAll('.', '\\.')}${built}\n$`))
  }
})

test('without a command: the list of commands, and status 2', async () => {
  using pool = await testPool(0)
  const { stderr, status } = await pool.chg()
  expect(stderr).toStartWith('Usage: canhazgpu ')
  expect(stderr).toMatch(/\nError: [^\n]+\n$/)
  expect(status).toBe(2)
})

test('chg is the same program', async () => {
  using pool = await testPool(2)
  pool.env.PATH = `${pool.folder}:${pool.env.PATH}`
  await pool.sh('ln -s "$CHG" chg')
  expect((await pool.sh('chg status')).stdout).toBe((await pool.chg('status')).stdout)
  expect((await pool.sh('chg run -- sh -c "exit 7"')).status).toBe(7)
  expect((await pool.sh('chg reserve -g 2')).stdout).toBe('Reserved 2 GPU(s): [0, 1] for 8h 0m 0s\n')
})

test('no colours without a terminal', async () => {
  using pool = await testPool(2)
  pool.env.TERM = 'xterm-256color'
  expect((await pool.chg('status')).stdout).not.toContain(ESCAPE)
  expect((await pool.chg('reserve', '--gpus', '9')).stderr).not.toContain(ESCAPE)
})

test.each([
  [{}, true],
  [{ NO_COLOR: '1' }, false],
  [{ NO_COLOR: '' }, true],
  [{ TERM: 'dumb' }, false],
] as const)('colours on a terminal with %j: %p', async (env, colored) => {
  using pool = await testPool(1)
  using terminal = openTerminal(pool, [pool.env.CHG ?? '', 'status'], { env })
  await terminal.see('validated: 0MB used')
  expect(terminal.shown.includes(ESCAPE)).toBe(colored)
  expect(Bun.stripANSI(terminal.shown)).toStartWith('GPU 0: AVAILABLE (never used)')
})

test('on a terminal reserve prints the export line on stderr', async () => {
  using pool = await testPool(2)
  using terminal = openTerminal(pool, ['sh', '-c', '"$CHG" reserve -g 2 2> hint'])
  await terminal.see('Reserved 2 GPU(s): [0, 1] for 8h 0m 0s')
  await terminal.process.exited
  expect(await Bun.file(`${pool.folder}/hint`).text()).toContain('export CUDA_VISIBLE_DEVICES=0,1')
})

test.each(['status', 'report', 'report --json', 'status --json', '--help', 'run --help'])(
  '%s into a closed pipe ends without a stack trace',
  async (typed) => {
    using pool = await testPool(8)
    const { stderr } = await pool.sh(`"$CHG" ${typed} | head -c 1 > /dev/null; "$CHG" ${typed} | true`)
    expect(stderr).toBe('')
  },
)

test('closed standard streams cause no stack trace', async () => {
  using pool = await testPool(2)
  for (const closed of ['>&-', '2>&-', '<&-', '<&- >&- 2>&-']) {
    const { stderr, stdout, status } = await pool.sh(`"$CHG" status ${closed}; "$CHG" run -- true ${closed}`)
    expect(stderr + stdout).not.toMatch(/error:|at |EBADF|panic/i)
    expect(status).toBe(0)
  }
})

test.each(['status', 'status --json', 'queue', 'report', 'reserve --gpus 1', '--help'])(
  '%s with its output on a full disk fails in one line',
  async (typed) => {
    using pool = await testPool(2)
    const { stderr, status } = await pool.sh(`"$CHG" ${typed} > /dev/full`)
    expect(status).toBe(1)
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringContaining('No space left on device')])
  },
)

test('a reservation is made even if its line cannot be written', async () => {
  using pool = await testPool(1)
  await pool.sh('"$CHG" reserve --gpus 1 > /dev/full')
  expect(await pool.status()).toMatchObject([{ status: 'IN_USE' }])
})

test('long output is complete even for a slow reader', async () => {
  using pool = await testPool(1)
  const processes = Array.from({ length: 2_000 }, (_, i) => ({
    pid: 1_000_000 + i,
    user: 'x',
    name: 'p'.repeat(60),
  }))
  pool.setFakeDriver({ gpus: { '0': { memory_used_mb: 4000, processes } } })
  const { stdout } = await finished(pool.start('status', '--json'))
  expect(JSON.parse(stdout)[0].processes).toHaveLength(2_000)
})
