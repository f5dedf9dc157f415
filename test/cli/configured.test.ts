import { expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { storedPool } from '../support/database.ts'
import { failureOf, warningsOf } from '../support/failure.ts'
import { type TestPool, testPool } from '../support/pool.ts'
import { openTerminal } from '../support/terminal.ts'
import { startWeb } from '../web/web-server.ts'

/** A pool whose user has this `~/.canhazgpu.yaml`. */
async function configuredPool(text: string, gpus = 4): Promise<TestPool> {
  const pool = await testPool(gpus)
  writeFileSync(`${pool.folder}/.canhazgpu.yaml`, text)
  return pool
}

test('a typed option overrides the environment, the environment a file, and a file the default', async () => {
  using pool = await configuredPool('reserve:\n  duration: 4h\n  gpus: 2\nreport:\n  days: 7\n')
  expect((await pool.chg('reserve')).stdout).toBe('Reserved 2 GPU(s): [0, 1] for 4h 0m 0s\n')
  pool.env.CANHAZGPU_RESERVE_DURATION = '3h'
  pool.env.CANHAZGPU_RESERVE_GPUS = ''
  expect((await pool.chg('reserve', '-g', '1')).stdout).toBe('Reserved 1 GPU(s): [2] for 3h 0m 0s\n')
  expect((await pool.chg('reserve', '-g1', '-d', '1h')).stdout).toBe('Reserved 1 GPU(s): [3] for 1h 0m 0s\n')
  expect((await pool.chg('report')).stdout).toContain('(7 days)')
  expect((await pool.chg('report', '-d', '3')).stdout).toContain('(3 days)')
})

test('a run uses the time limit in the configuration', async () => {
  using pool = await configuredPool('run.timeout: 2h\nrun:\n  grace: 5m\n  note: nightly\n  user: ann\n')
  const held = await pool.chg('run', '--', 'sh', '-c', '"$CHG" status --json; cat /dev/null')
  const [gpu] = JSON.parse(held.stdout)
  expect(gpu).toMatchObject({ user: 'ann', note: 'nightly' })
  const until = Date.parse(gpu.expiry_time) - Date.parse(gpu.started_at)
  expect(until).toBe(120 * 60_000)
})

test('a grace without a timeout is ignored in the configuration and refused on the command line', async () => {
  using pool = await configuredPool('run.grace: 5m\n')
  expect((await pool.chg('run', '--', 'true')).status).toBe(0)
  const refused = failureOf(await pool.chg('run', '--json', '--grace', '1m', '--', 'true'))
  expect(refused).toMatchObject({ code: 'usage', status: 2 })
  expect(refused.message).toMatch(/--grace.*--timeout/)
})

test.each([
  ['reserve.short: true', ['reserve', '--docker'], `--gpus '"device=0"'\n`],
  ['reserve.short: true', ['reserve', '--short=false'], 'Reserved 1 GPU(s): [0] for 8h 0m 0s\n'],
  ['reserve.short: true', ['reserve'], '0\n'],
  ['reserve: {short: true, export: true}', ['reserve'], '0\n'],
  ['reserve.gpus: 3', ['reserve', '--gpu-ids', '1,2'], 'Reserved 2 GPU(s): [1, 2] for 8h 0m 0s\n'],
  ['reserve: {wait: true, nonblock: true}', ['reserve', '-s'], '0\n'],
  ['reserve.nonblock: true', ['reserve', '-s', '--wait'], '0\n'],
])('with configuration %s, %j works', async (text, typed, stdout) => {
  using pool = await configuredPool(text)
  expect(await pool.chg(...typed)).toEqual({ status: 0, stdout, stderr: '' })
})

test('admin uses configured options only to set up a pool', async () => {
  using pool = await configuredPool('admin: {gpus: 2, provider: fake, allocation: mru-per-user}\n', 0)
  expect((await pool.chg('admin')).stdout).toBe('Initialized 2 GPUs (IDs 0 to 1)\n')
  const stamp = { by: expect.objectContaining({ uid: expect.any(Number) }), at: expect.any(Number) }
  expect(storedPool(pool).policy).toEqual({ allocation: 'mru-per-user', stamps: { allocation: stamp } })
  expect(await pool.chg('admin', '--check')).toMatchObject({ status: 0 })
  expect(await pool.chg('admin', '--show')).toMatchObject({ status: 0 })
  expect((await pool.chg('admin', '--memory-threshold', '300')).stdout).toBe('Memory threshold: 300 MB\n')
  expect((await pool.chg('admin', '--force', '--memory-threshold', '400')).status).toBe(0)
  expect(storedPool(pool).policy).toEqual({
    ...{ allocation: 'mru-per-user', memoryThresholdMb: 400 },
    stamps: { allocation: stamp, memoryThresholdMb: stamp },
  })
})

test('status uses configured formats, and ignores a configured watch without a terminal', async () => {
  using pool = await configuredPool('status: {table: true, watch: true}\n', 2)
  expect((await pool.chg('status')).stdout).toStartWith('GPU  STATUS')
  expect((await pool.chg('status', '-s')).stdout).toStartWith('HOST')
  expect(JSON.parse((await pool.chg('status', '-j')).stdout)).toHaveLength(2)
  expect((await pool.chg('status', '--watch')).status).toBe(2)
})

test('the dashboard uses the configured host and port', async () => {
  using pool = await configuredPool('web:\n  port: 0\n  host: 127.0.0.1\n')
  const { served } = await import('../web/web-server.ts')
  const server = await served(pool.start('web'))
  expect((await server.get('/healthz')).status).toBe(200)
  await server.stop()
  pool.env.CANHAZGPU_WEB_PORT = '99999'
  const { code, status, message } = failureOf(await pool.chg('web', '--json'))
  expect({ code, status }).toEqual({ code: 'config-invalid', status: 1 })
  expect(message).toMatch(/CANHAZGPU_WEB_PORT.*'99999'/)
  await (await startWeb(pool)).stop()
})

test.each([
  ['run: {timeout: soon}', ['run', '--', 'true'], 125, ['run.timeout', "'soon'"]],
  ['run: {gpus: [1]}', ['run', '--', 'true'], 125, ['run.gpus', '[…]']],
  ['reserve.gpus: none', ['reserve'], 1, ['reserve.gpus', "'none'"]],
  ['reserve.short: perhaps', ['reserve'], 1, ['reserve.short', 'perhaps']],
  ['reserve.wait: perhaps', ['reserve'], 1, ['reserve.wait', 'perhaps']],
  ['run.gpsu: 1', ['status'], 1, ["'run.gpsu'"]],
  ['run.gpu-ids: 1', ['status'], 1, ["'run.gpu-ids'"]],
  ['reserve.claim: true', ['status'], 1, ["'reserve.claim'"]],
  ['admin.force: true', ['status'], 1, ["'admin.force'"]],
  ['status.json: true', ['status'], 1, ["'status.json'"]],
  ['run: 5', ['status'], 1, ["'run'"]],
  ['nonsense: {}', ['status'], 1, ["'nonsense'"]],
] as const)('%s is refused in one line', async (text, [command, ...rest], status, facts) => {
  using pool = await configuredPool(text)
  const refused = await pool.chg(command, ...rest)
  expect({ status: refused.status, stdout: refused.stdout }).toEqual({ status, stdout: '' })
  expect(refused.stderr).toMatch(/^Error: [^\n]+\n$/)
  for (const fact of [`${pool.folder}/.canhazgpu.yaml`, ...facts]) expect(refused.stderr).toContain(fact)
  const failed = await pool.chg(command, '--json', ...rest)
  expect(failureOf(failed)).toMatchObject({ code: 'config-invalid', status })
})

test.each(['run:\n', 'run: {}\n', 'run:\n  timeout: ""\n', 'run:\n  timeout:\n', 'memory:\n'])(
  '%j has no effect',
  async (text) => {
    using pool = await configuredPool(text)
    expect(await pool.chg('run', '--', 'true')).toEqual({
      status: 0,
      stdout: '',
      stderr: 'Reserved 1 GPU(s): [0] for command execution\n',
    })
  },
)

/** From the documentation of the original program. */
const ORIGINAL = `redis:
  host: "localhost"
  port: 6379
  db: 0
memory:
  threshold: 400
run:
  gpus: 1
  timeout: "2h"
reserve:
  gpus: 1
  duration: "8h"
report:
  days: 30
web:
  port: 8080
  host: "0.0.0.0"
remote_hosts:
  - gpu1
  - user@gpu2
`

test('a configuration of the original program is accepted, with one warning about redis', async () => {
  using pool = await configuredPool(ORIGINAL, 1)
  pool.setFakeDriver({ gpus: { '0': { memory_used_mb: 400 } } })
  const seen = await pool.chg('status')
  expect(seen.stdout).toContain('IN USE WITHOUT RESERVATION')
  expect(seen.stderr).toMatch(/^Warning: [^\n]+\n$/)
  expect(seen.status).toBe(0)
  expect(warningsOf(await pool.chg('status', '--json'))).toEqual([
    { code: 'config-without-effect', message: expect.stringMatching(/redis.* \S+\.canhazgpu\.yaml/) },
  ])
  pool.env.CANHAZGPU_REDIS_HOST = 'localhost'
  pool.setFakeDriver({})
  expect(await pool.chg('reserve', '-n', 'for a while', '-u', 'ann', '-j')).toMatchObject({ status: 0 })
  expect(storedPool(pool).reservations).toMatchObject([{ note: 'for a while', owner: { shownName: 'ann' } }])
})

test('help, help COMMAND and -v print help and version', async () => {
  using pool = await testPool(0)
  const same = async (one: string[], other: string[]) =>
    expect(await pool.chg(...one)).toEqual(await pool.chg(...other))
  await same(['help'], ['--help'])
  await same(['help', 'run'], ['run', '--help'])
  await same(['-v'], ['--version'])
  await same(['--no-color', '-v'], ['--version'])
  expect(await pool.chg('help', 'rnu')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("'rnu'"),
  })
  expect((await pool.chg('help', 'run', 'more')).status).toBe(2)
})

test('--summary prints counts, and a column for errors only if there are any', async () => {
  using pool = await testPool(4)
  await pool.chg('reserve')
  pool.setFakeDriver({ gpus: { '1': { memory_used_mb: 5000 }, '2': { name: 'Other GPU' } } })
  const { host } = storedPool(pool)
  const rows = (text: string) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/))
  expect(rows((await pool.chg('status', '--summary')).stdout)).toEqual([
    ['HOST', 'TOTAL', 'GPU MODELS', 'AVAILABLE', 'IN USE'],
    [host, '4', 'Fake GPU', '2', '2'],
  ])
  pool.setFakeDriver({ gpus: { '1': { fault: 'GPU is lost' } } })
  expect(rows((await pool.chg('status', '-s')).stdout)[0]).toContain('ERRORS')
  expect(JSON.parse((await pool.chg('status', '-s', '-j')).stdout)).toEqual({
    host,
    total: 4,
    gpu_models: { 'Fake GPU': 4 },
    available: 2,
    in_use: 1,
    drained: 0,
    errors: 1,
  })
  expect((await pool.chg('status', '-s', '--table')).status).toBe(2)
})

test.each([
  [[], true],
  [['--no-color'], false],
  [['--no-color=false'], true],
])('on a terminal %j has colors: %p', async (options, colored) => {
  using pool = await testPool(1)
  using terminal = openTerminal(pool, ['sh', '-c', `"$CHG" status ${options.join(' ')}; echo done`])
  await terminal.see('done')
  expect(terminal.shown.includes('\u001b[')).toBe(colored)
})

test.each([
  ['fleet: redis:/secret-of-ann@board', ['fleet', 'redis://']],
  ['fleet: 5', ['fleet', 'file:/path']],
  ['remote_hosts: [gpu1, -oProxyCommand=x]', ['remote_hosts', '-oProxyCommand=x']],
  ['remote_hosts: {gpu1: {}}', ['remote_hosts', 'list of different host names']],
  ['host-name: a b', ['host-name', 'a b']],
] as const)('%s is refused, and a board is not quoted', async (text, facts) => {
  using pool = await configuredPool(text)
  const refused = await pool.chg('status')
  expect({ status: refused.status, stdout: refused.stdout }).toEqual({ status: 1, stdout: '' })
  for (const fact of facts) expect(refused.stderr).toContain(fact)
  expect(refused.stderr).not.toContain('secret-of-ann')
})
