import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { failureOf } from '../../support/failure.ts'
import { type NameService, nameService, noNameService } from '../../support/name-service.ts'
import { binary, finished, type TestPool, testPool } from '../../support/pool.ts'
import { until } from '../../support/until.ts'
import { served } from '../../web/web-server.ts'

const SILENT = 70_001
const NAMED = 71_000
const reason = noNameService()

/** Uses a real name service that never answers for some accounts. */
describe.skipIf(reason !== null)(`names${reason === null ? '' : ` (skipped: ${reason})`}`, () => {
  let names: NameService
  let pool: TestPool
  let program: string

  beforeAll(async () => {
    names = nameService()
    pool = await testPool(4)
    // Every account may run it and find the pool.
    chmodSync(pool.folder, 0o755)
    program = `${pool.folder}/canhazgpu`
    copyFileSync(binary, program)
    chmodSync(program, 0o755)
  })
  afterAll(() => {
    pool?.[Symbol.dispose]()
    names?.[Symbol.dispose]()
  })

  const start = (words: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    Bun.spawn([...words], {
      env: { ...pool.env, ...env },
      cwd: '/',
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
  const runAs = (uid: number, ...args: string[]) =>
    finished(
      start([
        ...names.words,
        // Unlike setpriv it needs no name.
        'chroot',
        `--userspec=+${uid}:+65534`,
        '--groups=',
        '/',
        program,
        ...args,
      ]),
    )
  /** A process of each account on GPU 0, 1, … */
  async function usedBy(...uids: readonly number[]): Promise<Disposable> {
    const processes = await Promise.all(
      uids.map(async (uid) => {
        const script = 'echo ready; read forever'
        const child = Bun.spawn(
          ['setpriv', `--reuid=${uid}`, '--regid=65534', '--clear-groups', 'sh', '-c', script],
          { stdin: 'pipe', stdout: 'pipe' },
        )
        await child.stdout.getReader().read()
        return child
      }),
    )
    const onGpu = (gpu: number) =>
      processes
        .filter((_, at) => at % 4 === gpu)
        .map(({ pid }) => ({ pid, memory_mb: Math.floor(70_000 / processes.length) }))
    pool.setFakeDriver({
      gpus: Object.fromEntries([0, 1, 2, 3].map((gpu) => [gpu, { processes: onGpu(gpu) }])),
    })
    return {
      [Symbol.dispose]() {
        for (const child of processes) child.kill('SIGKILL')
        pool.setFakeDriver({ gpus: {} })
      },
    }
  }

  test('a GPU used by an account whose name never arrives is shown with the uid', async () => {
    using _ = await usedBy(SILENT)
    const { status, stdout } = await finished(start([...names.words, program, 'status']))
    expect(names.requests()).toContain(String(SILENT))
    expect(status).toBe(0)
    expect(stdout).toContain(`uid ${SILENT}`)
  })

  test('a name that arrives is shown even if another one never does', async () => {
    using _ = await usedBy(SILENT, NAMED)
    const { stdout } = await finished(start([...names.words, program, 'status']))
    expect(stdout).toContain(`uid ${SILENT}`)
    expect(stdout).toContain('carol')
  })

  test('all names share one deadline', async () => {
    const uids = Array.from({ length: 40 }, (_, at) => 70_100 + at)
    using _ = await usedBy(...uids)
    const { status, stdout } = await finished(start([...names.words, program, 'status', '--json']))
    expect(status).toBe(0)
    for (const uid of uids) expect(stdout).toContain(`uid ${uid}`)
    // No name was queried twice, or after the deadline.
    expect(names.requests().filter((key) => key.startsWith('701')).length).toBeLessThanOrEqual(8)
  })

  test('reserve, queue, extend, release, run and completion work for an account whose name never arrives', async () => {
    const user = `uid ${SILENT}`
    expect(await runAs(SILENT, 'reserve', '--gpu-ids', '2')).toMatchObject({ status: 0, stderr: '' })
    const { stdout } = await runAs(SILENT, 'status', '--json')
    expect(JSON.parse(stdout)[2]).toMatchObject({ user, account: user })
    expect((await runAs(SILENT, 'extend', '1h')).status).toBe(0)
    expect((await runAs(SILENT, 'queue')).status).toBe(0)
    expect((await runAs(SILENT, '__complete', 'release', '--gpu-ids', '')).stdout).toContain('2\n')
    expect(await runAs(NAMED, 'release')).toMatchObject({
      stdout: 'No manually reserved GPUs found for current user\n',
    })
    expect((await runAs(SILENT, 'release')).stdout).toBe('Released 1 GPU(s): [2]\n')
    // A name service that was killed is not a child of the command.
    expect(await runAs(SILENT, 'run', '--', 'sh', '-c', 'ps -o comm= --ppid $$')).toMatchObject({
      status: 0,
      stdout: 'ps\n',
    })
    expect(names.requests().filter((key) => key === String(SILENT)).length).toBeGreaterThan(5)
  })

  test('the dashboard answers', async () => {
    using _ = await usedBy(SILENT)
    const server = await served(start([...names.words, program, 'web', '--host', '127.0.0.1', '--port', '0']))
    try {
      expect((await server.get('/api/status')).status).toBe(200)
      expect((await server.get('/healthz')).status).toBe(200)
      await until('it shows the uid', async () =>
        (await (await server.get('/api/status')).text()).includes(`uid ${SILENT}`),
      )
    } finally {
      await server.stop()
    }
  })

  test('on the dashboard, a limit that groups decide is unknown while their answer is missing', async () => {
    await pool.chg('policy', 'set', 'max-gpus', '2', '--group', 'root')
    expect((await runAs(SILENT, 'reserve')).status).toBe(0)
    const server = await served(start([...names.words, program, 'web', '--host', '127.0.0.1', '--port', '0']))
    try {
      expect(await server.json<object>('/api/accounts')).toMatchObject([
        { account: `uid ${SILENT}`, gpus: 1, unknown_limits: ['max-gpus'] },
      ])
    } finally {
      await server.stop()
      await runAs(SILENT, 'release')
      await pool.chg('policy', 'unset', 'max-gpus', '--group', 'root')
    }
  })

  for (const [uid, name] of [
    [NAMED, 'carol'],
    [71_001, '[2Jd an'],
    [71_002, 'uid 71002'],
    [71_003, 'uid 71003'],
    [71_004, 'uid 71004'],
    [71_005, `${'n'.repeat(63)}…`],
    [71_999, 'uid 71999'],
  ] as const) {
    test(`uid ${uid} is shown as ${JSON.stringify(name)}`, async () => {
      using _ = await usedBy(uid)
      const { stdout } = await finished(start([...names.words, program, 'status', '--json']))
      expect(JSON.parse(stdout)[0].processes[0].user).toBe(name)
    })
  }

  test('the environment does not choose the name service', async () => {
    writeFileSync(`${pool.folder}/getent`, '#!/bin/sh\necho root:x:71000:0:::\n', { mode: 0o755 })
    using _ = await usedBy(NAMED)
    const env = { PATH: `${pool.folder}:${process.env.PATH}` }
    const { stdout } = await finished(start([...names.words, program, 'status', '--json'], env))
    expect(JSON.parse(stdout)[0].processes[0].user).toBe('carol')
  })

  test('without getent and a readable passwd file, accounts are shown with their uids', async () => {
    using _ = await usedBy(NAMED, 65_534)
    const without = [
      'for place in /usr/bin/getent /bin/getent; do test ! -e $place || mount --bind /dev/null $place; done',
      'mount -t tmpfs none /mnt',
      `head -c 20000000 /dev/zero | tr '\\0' : > /mnt/passwd && mount --bind /mnt/passwd /etc/passwd`,
    ]
    const { status, stdout } = await finished(
      start([...names.after(without.join('\n')), program, 'status', '--json']),
    )
    expect(status).toBe(0)
    expect(JSON.parse(stdout)[0].processes[0].user).toBe(`uid ${NAMED}`)
    expect(JSON.parse(stdout)[1].processes[0].user).toBe('uid 65534')
  })

  test('a group that exists, one that does not, and one without an answer', async () => {
    const admin = (group: string) =>
      finished(
        start(
          [...names.words, program, 'admin', '--gpus', '2', '--provider', 'fake', '--group', group, '--json'],
          { CANHAZGPU_STORE: `sqlite://${pool.folder}/of-${group}/pool.db` },
        ),
      )
    expect(await admin('lab')).toMatchObject({ status: 0, stderr: '' })
    expect(failureOf(await admin('nobody-here'))).toMatchObject({
      ...{ code: 'usage', status: 2 },
      ...{ message: expect.stringContaining('nobody-here'), hint: expect.stringContaining('groupadd') },
    })
    expect(failureOf(await admin('silent'))).toMatchObject({
      ...{ code: 'usage', status: 2 },
      ...{ message: expect.stringContaining('silent'), hint: expect.stringContaining('getent group silent') },
    })
  })

  test('this process does not query names through the C library', () => {
    const folder = new URL('../../../src/adapters/kernel/libc/', import.meta.url).pathname
    const files = readdirSync(folder).map((name) => readFileSync(`${folder}${name}`, 'utf8'))
    const code = files.join('\n')
    expect(code).toContain('euidaccess: { args:')
    expect(code).not.toMatch(/\bget(pw|gr|addrinfo)\w+/)
  })
})
