import { expect, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { failureOf } from '../support/failure.ts'
import { type TestPool, testPool } from '../support/pool.ts'

/** GPU 0 has 500 MB in use. With a threshold of 500 or less that counts as use. */
async function poolInUse(): Promise<TestPool> {
  const pool = await testPool(1)
  pool.setFakeDriver({ gpus: { '0': { memory_used_mb: 500 } } })
  return pool
}

async function isOccupied(pool: TestPool, ...options: string[]): Promise<boolean> {
  const { stdout, stderr, status } = await pool.chg('status', ...options)
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
  return stdout.includes('WITHOUT RESERVATION')
}

const write = (pool: TestPool, name: string, text: string): string => {
  const path = `${pool.folder}/${name}`
  writeFileSync(path, text)
  return path
}

test.each([
  ['yaml', 'memory-threshold: 500\n'],
  ['yml', '# what counts\nmemory-threshold: 500 # MB\n'],
  ['toml', 'memory-threshold = 500\n'],
  ['json', '{"memory-threshold": 500}'],
])('settings are read from %s', async (ending, text) => {
  using pool = await poolInUse()
  expect(await isOccupied(pool)).toBe(false)
  expect(await isOccupied(pool, '--config', write(pool, `config.${ending}`, text))).toBe(true)
})

test('a flag overrides the environment, and the environment overrides --config', async () => {
  using pool = await poolInUse()
  const config = ['--config', write(pool, 'config.yaml', 'memory-threshold: 500')]
  expect(await isOccupied(pool, ...config)).toBe(true)
  pool.env.CANHAZGPU_MEMORY_THRESHOLD = '501'
  expect(await isOccupied(pool, ...config)).toBe(false)
  expect(await isOccupied(pool, ...config, '--memory-threshold', '499')).toBe(true)
})

test('the file in the home folder is read unless --config names another', async () => {
  using pool = await poolInUse()
  write(pool, '.canhazgpu.yaml', 'memory-threshold: 400')
  expect(await isOccupied(pool)).toBe(true)
  expect(await isOccupied(pool, '--config', write(pool, 'other.yaml', 'memory-threshold: 600'))).toBe(false)
})

test('the store can be set in a file', async () => {
  using pool = await poolInUse()
  delete pool.env.CANHAZGPU_STORE
  const path = write(pool, 'config.toml', `store = "${pool.store}"\nprobe-timeout = "5s"\n`)
  expect(await isOccupied(pool, '--config', path)).toBe(false)
})

test('an empty file has no effect', async () => {
  using pool = await poolInUse()
  for (const [name, text] of [
    ['empty.yaml', ''],
    ['comment.yaml', '# nothing\n'],
    ['empty.toml', ''],
    ['empty.json', '{}'],
  ] as const) {
    expect(await isOccupied(pool, '--config', write(pool, name, text))).toBe(false)
  }
})

test.each([
  ['config.yaml', 'memory-treshold: 5\n', ['memory-treshold', 'memory-threshold']],
  ['config.toml', 'memory-treshold = 5\n', ['memory-treshold', 'memory-threshold']],
  ['config.json', '{"memory-treshold": 5}', ['memory-treshold', 'memory-threshold']],
  ['config.yaml', 'memory-threshold: plenty\n', ['memory-threshold', 'plenty', '1024']],
  ['config.yaml', 'memory-threshold: [1]\n', ['memory-threshold', '[1]', '1024']],
  ['config.yaml', 'memory-threshold: -1\n', ['memory-threshold', '-1']],
  ['config.yaml', 'memory-threshold: 1.5\n', ['memory-threshold', '1.5']],
  ['config.toml', 'memory-threshold = true\n', ['memory-threshold', 'true']],
  ['config.json', '{"memory-threshold": null}', ['memory-threshold', 'null']],
  ['config.yaml', 'probe-timeout: 10\n', ['probe-timeout', '10', '10s']],
  ['config.yaml', 'store: 7\n', ['store', '7', 'sqlite://']],
  ['config.yaml', 'store: mysql://x\n', ['mysql://x']],
  ['config.yaml', '- a\n- b\n', ['keys and values']],
  ['config.yaml', 'just words\n', ['keys and values']],
  ['config.json', '[1]', ['keys and values']],
  ['config.yaml', 'a: [1\n', ['YAML']],
  ['config.toml', 'memory-threshold = \n', ['TOML']],
  ['config.json', '{"memory-threshold": 5', ['JSON']],
  ['config.json', '', ['JSON']],
  ['config.yaml', 'memory-threshold: &a [*a]\n', ['memory-threshold', '1024']],
  ['config.yaml', 'store: &a {b: *a}\n', ['store', 'sqlite://']],
  [
    'config.json',
    `{"memory-threshold": ${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
    ['memory-threshold', '1024'],
  ],
  ['config.yaml', `memory-threshold: ${'['.repeat(20_000)}`, ['YAML']],
  ['config.toml', `a = ${'['.repeat(20_000)}`, ['TOML']],
  ['config.toml', `${'a.'.repeat(20_000)}a = 1`, ['config.toml']],
  ['config.yaml', `${'&a '.repeat(1000)}[`, ['YAML']],
  ['config.yaml', 'memory-threshold: .inf\n', ['memory-threshold', 'Infinity']],
  ['config.toml', 'memory-threshold = 1979-05-27\n', ['memory-threshold', '1979-05-27']],
  ['config.yaml', 'memory-threshold: {}\n', ['memory-threshold', '{}', '1024']],
  ['config.yaml', '__proto__: {store: x}\n', ['__proto__']],
  ['config.json', '{"constructor": {"prototype": {}}}', ['constructor']],
  ['config.yaml', 'store: x\n---\nstore: y\n', ['keys and values']],
  ['config.yaml', `store: ${'x'.repeat(5_000)}\n`, ['store', 'sqlite://']],
  ['config.yaml', `probe-timeout: ${'1'.repeat(60_000)}\n`, ['probe-timeout', '10s']],
  ['config.json', '{"store": "sqlite:///tmp/a\\u0000b.db"}', ['store', 'sqlite://']],
])('%s with %j is refused in one line', async (name, text, expected) => {
  using pool = await testPool(1)
  delete pool.env.CANHAZGPU_STORE
  const path = write(pool, name, text)
  const refused = await pool.chg('status', '--config', path)
  expect(refused.stdout).toBe('')
  expect(refused.stderr).toMatch(/^Error: [^\n]+\n$/)
  for (const fact of [path, ...expected]) expect(refused.stderr).toContain(fact)
  for (const [command, status] of [
    ['status', 1],
    ['run', 125],
  ] as const) {
    const rest = command === 'run' ? ['--', 'true'] : []
    const failed = await pool.chg(command, '--json', '--config', path, ...rest)
    const isStore = failureOf(failed).message.includes('store: ')
    const failure = isStore ? { code: 'usage', status: 2 } : { code: 'config-invalid', status }
    expect(failureOf(failed)).toMatchObject(failure)
  }
})

test('a file that --config names must exist and be no folder', async () => {
  using pool = await testPool(1)
  mkdirSync(`${pool.folder}/folder.yaml`)
  for (const name of ['none.yaml', 'folder.yaml', 'no/such/folder.yaml']) {
    const failed = await pool.chg('status', '--json', '--config', `${pool.folder}/${name}`)
    expect(failed.stdout).toBe('')
    expect(failureOf(failed)).toMatchObject({
      ...{ code: 'config-invalid', status: 1 },
      message: expect.stringContaining(name),
    })
  }
})

test('--config may name a pipe or a device', async () => {
  using pool = await poolInUse()
  const { stdout } = await pool.sh(
    `bash -c '"$CHG" status --config <(sleep 0.1; echo memory-threshold: 500)'`,
  )
  expect(stdout).toContain('WITHOUT RESERVATION')
  expect(await isOccupied(pool, '--config', '/dev/null')).toBe(false)
  const fromWindows = '\ufeff{\r\n"memory-threshold": 500\r\n}\r\n'
  expect(await isOccupied(pool, '--config', write(pool, 'bom.json', fromWindows))).toBe(true)
})

test.each([
  ['a folder', 'mkdir config.yaml', 'directory'],
  ['endless', 'ln -s /dev/zero config.yaml', 'bytes'],
  ['large', 'head -c 100000 /dev/zero > config.yaml', 'bytes'],
  ['a link to itself', 'ln -s config.yaml config.yaml', 'symbolic links'],
  [
    'a socket',
    `perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Listen => 1, Local => "config.yaml")'`,
    'config.yaml',
  ],
  ['no text', 'head -c 1000 "$CHG" > config.yaml', 'YAML'],
])('a configuration that is %s is refused in one line', async (_, make, fact) => {
  using pool = await testPool(1)
  await pool.sh(make)
  const path = `${pool.folder}/config.yaml`
  expect((await pool.chg('status', '--config', path)).stderr).toMatch(/^Error: [^\n]+\n$/)
  const failed = await pool.chg('status', '--json', '--config', path)
  expect(failed.stdout).toBe('')
  expect(failureOf(failed)).toMatchObject({
    ...{ code: 'config-invalid', status: 1 },
    message: expect.stringContaining(fact),
  })
})

test('a pipe without a writer does not block', async () => {
  using pool = await poolInUse()
  await pool.sh('mkfifo .canhazgpu.yaml')
  expect(await isOccupied(pool)).toBe(false)
})

test('an invalid environment variable is named in the error', async () => {
  using pool = await testPool(1)
  pool.env.CANHAZGPU_MEMORY_THRESHOLD = 'lots'
  expect(failureOf(await pool.chg('status', '--json'))).toMatchObject({
    ...{ code: 'config-invalid', status: 1 },
    message: expect.stringMatching(/CANHAZGPU_MEMORY_THRESHOLD.*"lots"/),
  })
})

test('a .env file or bunfig in the current folder has no effect', async () => {
  using pool = await poolInUse()
  write(pool, '.env', 'CANHAZGPU_MEMORY_THRESHOLD=1\nCANHAZGPU_STORE=nonsense\n')
  write(pool, 'bunfig.toml', 'preload = ["./no-such-file.ts"]\n')
  write(pool, 'package.json', '{"name": ')
  write(pool, 'tsconfig.json', '{')
  expect(await isOccupied(pool)).toBe(false)
  expect((await pool.chg('run', '--', 'true')).stderr).toStartWith('Reserved 1 GPU(s)')
})

test('an unreadable scenario of the fake driver is an error', async () => {
  using pool = await testPool(1)
  for (const text of [
    '{',
    '{"gpus": {"9": {}}}',
    '{"nonsense": 1}',
    '{"gpus": {"0": {"memory_used_mb": "x"}}}',
  ]) {
    pool.env.CANHAZGPU_FAKE_USAGE = write(pool, 'usage.json', text)
    const failed = await pool.chg('reserve', '--json')
    expect(failureOf(failed)).toMatchObject({ code: 'config-invalid', status: 1 })
    expect(failureOf(failed).message).toContain('usage.json')
  }
})

test('an empty CANHAZGPU_FAKE_USAGE counts as not set', async () => {
  using pool = await testPool(1)
  pool.env.CANHAZGPU_FAKE_USAGE = ''
  expect(await pool.chg('status')).toMatchObject({ status: 0, stderr: '' })
})

test('a store is a URL or a path', async () => {
  using pool = await testPool(1)
  pool.env.CANHAZGPU_STORE = pool.database
  expect(await pool.chg('run', '--', 'true')).toMatchObject({ status: 0 })
  const relative = failureOf(await pool.chg('status', '--json', '--store', 'pool/pool.db'))
  expect(relative).toMatchObject({ code: 'usage', status: 2 })
  expect(relative.message).toMatch(/--store: "pool\/pool\.db"/)
})

test.each([
  ['config.yaml', 'probe-timeout: 5s\nstore: x\nrun: [1\n', 'YAML (line 3)'],
  ['config.toml', 'probe-timeout = "5s"\nrun =\n', 'TOML (line 2)'],
  ['config.json', '{"store": secret}', 'JSON'],
])('a parse error in %s has the line number, but not its content', async (name, text, format) => {
  using pool = await testPool(1)
  const path = write(pool, name, text)
  const { code, message } = failureOf(await pool.chg('status', '--json', '--config', path))
  expect(code).toBe('config-invalid')
  for (const fact of [path, format]) expect(message).toContain(fact)
  expect(message).not.toContain('secret')
})
