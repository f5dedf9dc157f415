import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { storedPool } from '../../support/database.ts'
import { failureOf } from '../../support/failure.ts'
import { startForever } from '../../support/job.ts'
import { binary, type Finished, type TestPool, testPool } from '../../support/pool.ts'
import { kill } from '../../support/processes.ts'
import { openTerminal } from '../../support/terminal.ts'
import { until } from '../../support/until.ts'
import { hold, storedQueue, untilProgress, wait } from '../../support/waiters.ts'

describe.concurrent('what reserve prints', () => {
  test('--short: only the ids, also after a wait', async () => {
    using pool = await testPool(4)
    expect((await pool.sh('ids=$("$CHG" reserve --gpu-ids 1,3 --short) && echo "[$ids]"')).stdout).toBe(
      '[1,3]\n',
    )
    await hold(pool, '--gpu-ids', '0,2')
    const waiter = await wait(pool, 'reserve', '--wait', '--gpus', '2', '--short')
    await pool.chg('release', '--gpu-ids', '1,3')
    expect(await new Response(waiter.process.stdout).text()).toBe('1,3\n')
    expect(await waiter.ended()).toBe(0)
    expect(waiter.stderr()).toMatch(/^(\S+ \S+ Waiting for 2 GPUs: .*\n)+$/)
  })

  test('nothing on stdout after a refusal or a timeout', async () => {
    using pool = await testPool(1)
    await hold(pool)
    for (const form of ['--short', '--export', '--docker', '--json']) {
      expect(await pool.chg('reserve', form)).toMatchObject({ status: 75, stdout: '' })
    }
    expect(await pool.chg('reserve', '--short', '--wait', '1s')).toMatchObject({ status: 75, stdout: '' })
  })

  test('--export: a shell that evaluates it sets the same variables as `run`', async () => {
    using pool = await testPool(4)
    const names = ['CUDA_VISIBLE_DEVICES', 'CUDA_DEVICE_ORDER', 'NVIDIA_VISIBLE_DEVICES']
    for (const shell of ['sh', 'bash', 'zsh'].filter((name) => Bun.which(name) !== null)) {
      const script = `eval "$("$CHG" reserve -G 1,3 --export)"; printenv ${names.join(' ')}`
      expect((await pool.sh(`${shell} -c '${script}'; "$CHG" release >/dev/null`)).stdout).toBe(
        '1,3\nPCI_BUS_ID\n1,3\n',
      )
    }
    expect((await pool.chg('run', '-G', '1,3', '--', 'printenv', ...names)).stdout).toBe(
      '1,3\nPCI_BUS_ID\n1,3\n',
    )
  })

  test('--docker: evaluated by a shell it is an option of `docker run`', async () => {
    using pool = await testPool(4)
    const script = `eval "set -- $("$CHG" reserve -G 1,3 --docker)"; printf '<%s>' "$@"`
    expect((await pool.sh(script)).stdout).toBe('<--gpus><"device=1,3">')
    await pool.chg('release')
    expect((await pool.chg('reserve', '-G', '1,3', '--docker')).stdout).toBe(`--gpus '"device=1,3"'\n`)
  })

  test('--json: the reservation', async () => {
    using pool = await testPool(4)
    const { stdout } = await pool.chg('reserve', '-G', '1,3', '--json', '--user', 'carol', '--duration', '1h')
    const [held] = storedPool(pool).reservations
    expect(JSON.parse(stdout)).toEqual({
      reservation: held?.id,
      gpus: [1, 3],
      cuda_visible_devices: '1,3',
      user: 'carol',
      account: held?.owner.account.name,
      type: 'MANUAL',
      started_at: new Date(held?.startedAt ?? 0).toISOString(),
      expiry_time: new Date((held?.startedAt ?? 0) + 3_600_000).toISOString(),
    })
  })

  test('only one format at a time', async () => {
    using pool = await testPool(1)
    expect(await pool.chg('reserve', '--short', '--export')).toMatchObject({ status: 2, stdout: '' })
    expect(storedPool(pool).reservations).toEqual([])
  })
})

describe.concurrent('--json', () => {
  test('queue', async () => {
    using pool = await testPool(4)
    await hold(pool, '--gpus', '4', '--duration', '1h')
    await wait(
      pool,
      'run',
      '--wait',
      '2h',
      '--gpus',
      '2',
      '--note',
      'big one',
      '--user',
      'dora',
      '--',
      'true',
    )
    await wait(pool, 'reserve', '--wait', '--gpu-ids', '1,3')
    const [first, second] = storedQueue(pool)
    const [held] = storedPool(pool).reservations
    const expiry = held?.term.kind === 'manual' ? held.term.expiresAt : 0
    const iso = (ms = 0) => new Date(ms).toISOString()
    expect(JSON.parse((await pool.chg('queue', '--json')).stdout)).toEqual([
      {
        position: 1,
        user: 'dora',
        account: first?.owner.account.name,
        type: 'RUN',
        request: '2 GPUs',
        gpus: 2,
        waiting_since: iso(first?.joinedAt),
        waiting_seconds: expect.any(Number),
        gives_up_at: iso(first?.waitUntil),
        reason: '0 free',
        reason_code: 'short',
        free: 0,
        earliest_start: iso(expiry),
        note: 'big one',
      },
      {
        position: 2,
        user: second?.owner.shownName,
        account: second?.owner.account.name,
        type: 'MANUAL',
        request: 'GPU 1, 3',
        gpus: 2,
        gpu_ids: [1, 3],
        waiting_since: iso(second?.joinedAt),
        waiting_seconds: expect.any(Number),
        reason: '0 free',
        reason_code: 'short',
        free: 0,
      },
    ])
    const { stdout } = await pool.chg('queue')
    expect(stdout).toMatch(/^POSITION +USER +REQUEST +TYPE +WAITING +REASON +ESTIMATE +NOTE\n/)
    expect(stdout).toMatch(
      /\n1 +dora \(\w+\) +2 GPUs +run +0h 0m \d+s +0 free +earliest .*'s reservation expires\) +big one\n/,
    )
    expect(stdout).toMatch(/\n2 +\w+ +GPU 1, 3 +manual +/)
    using terminal = openTerminal(pool, [binary, 'queue'], { columns: 80 })
    await terminal.see('GPU 1, 3')
    await terminal.process.exited
    for (const row of terminal.shown.split('\r\n')) expect(row.length).toBeLessThanOrEqual(80)
    expect(terminal.shown).toMatch(/\n1 +dora \(\w*.* 0 free +earliest .*… +big one\r\n/)
  })

  test('a wait prints one object per line on stderr, and the last has the result', async () => {
    using pool = await testPool(1)
    await hold(pool, '--duration', '1h')
    const refused = await pool.chg('run', '--json', '--wait', '1s', '--', 'true')
    expect(refused).toMatchObject({ status: 75, stdout: '' })
    expect(failureOf(refused)).toMatchObject({ code: 'wait-timed-out' })

    const waiter = await wait(pool, 'run', '--json', '--wait', '--', 'printenv', 'CUDA_VISIBLE_DEVICES')
    // A daemon tells it its place after it is in the queue.
    await untilProgress(waiter, { position: 1 })
    await pool.chg('release')
    expect(await waiter.ended()).toBe(0)
    const lines = waiter
      .stderr()
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text))
    expect(lines[0]).toEqual({
      waiting: { position: 1, length: 1, free: 0, earliest_start: expect.stringMatching(/Z$/) },
    })
    expect(lines.at(-1)).toMatchObject({ reservation: waiter.id, gpus: [0], type: 'RUN' })
  })

  const answers: readonly (readonly string[])[] = [
    ['admin', '--gpus', '2', '--force', '--provider', 'fake'],
    ['completion', 'bash'],
    ['extend', '1h'],
    ['queue'],
    ['release'],
    ['report'],
    ['status'],
    ['status', '--table', '--mine'],
  ]
  test.each(answers)('%s prints JSON', async (...command) => {
    using pool = await testPool(2)
    await hold(pool)
    const { status, stdout, stderr } = await pool.chg(...command, '--json')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(JSON.parse(stdout)).toBeObject()
  })

  const failures: readonly (readonly [string, number, ...string[]])[] = [
    ['pool-already-initialized', 1, 'admin', '--gpus', '2', '--provider', 'fake'],
    ['usage', 2, 'admin', '--gpus', 'two'],
    ['usage', 2, 'completion', 'tcsh'],
    ['failure', 1, 'extend', '1h'],
    ['usage', 2, 'extend', 'soon'],
    ['usage', 2, 'queue', 'now'],
    ['impossible-request', 2, 'release', '--gpu-ids', '9'],
    ['usage', 2, 'report', '--days', '0'],
    ['not-enough-gpus', 75, 'reserve'],
    ['impossible-request', 2, 'reserve', '--gpus', '9'],
    ['usage', 2, 'reserve', '--wait', '--nonblock'],
    ['failure', 1, 'reserve', '--claim'],
    ['usage', 2, 'status', '--frobnicate'],
    ['usage', 2, 'status', '--watch'],
    ['usage', 2, 'web', '--port', '99999'],
    ['usage', 2, 'frobnicate'],
    ['config-invalid', 1, 'status', '--config', '/no/such/file.yaml'],
  ]
  test.each(failures)('%s (%d) is printed in JSON by %s', async (code, status, ...command) => {
    using pool = await testPool(1)
    await startForever(pool)
    expectFailure(await pool.chg(...command, '--json'), { code, status })
  })

  test('errors of run, with its own exit codes', async () => {
    using pool = await testPool(1)
    await startForever(pool)
    for (const [code, status, ...options] of [
      ['not-enough-gpus', 75, '--', 'true'],
      ['command-not-found', 127, '--', 'no-such-program'],
      ['command-not-executable', 126, '--', '/etc/passwd'],
      ['usage', 2, '--grace', '1s', '--', 'true'],
      ['config-invalid', 125, '--config', '/no/such/file.yaml', '--', 'true'],
    ] as const) {
      expectFailure(await pool.chg('run', '--json', ...options), { code, status })
    }
  })

  /** The command prints one line on stderr and nothing on stdout. */
  function expectFailure(failed: Finished, error: { code: string; status: number }): void {
    expect(failed.stdout).toBe('')
    expect(failed.stderr).toMatch(/^\{.*\}\n$/)
    expect(failureOf(failed)).toMatchObject({ ...error, message: expect.stringMatching(/\S/) })
  }
})

describe.concurrent('waiting by default', () => {
  const configured: readonly [string, (pool: TestPool) => void][] = [
    [
      'CANHAZGPU_RUN_WAIT',
      (pool) => {
        pool.env.CANHAZGPU_RUN_WAIT = 'true'
      },
    ],
    ['run.wait in a file', (pool) => writeFileSync(`${pool.folder}/.canhazgpu.yaml`, 'run:\n  wait: true\n')],
    [
      'run.wait with a limit',
      (pool) => writeFileSync(`${pool.folder}/.canhazgpu.yaml`, 'run:\n  wait: 1h\n'),
    ],
  ]
  test.each(configured)('with %s; --nonblock is refused at once', async (_, configure) => {
    using pool = await testPool(1)
    const job = await startForever(pool)
    configure(pool)
    const waiter = await wait(pool, 'run', '--', 'true')
    expect(await pool.chg('run', '--nonblock', '--', 'true')).toMatchObject({ status: 75 })
    // `reserve` has its own setting.
    expect(await pool.chg('reserve')).toMatchObject({ status: 75 })
    kill(job.pid, 'SIGKILL')
    expect(await waiter.ended()).toBe(0)
  })

  test('reserve.wait with a limit', async () => {
    using pool = await testPool(1)
    await hold(pool)
    pool.env.CANHAZGPU_RESERVE_WAIT = '1s'
    expect(failureOf(await pool.chg('reserve', '--json'))).toMatchObject({
      ...{ code: 'wait-timed-out', status: 75 },
    })
  })

  test('--wait with a limit overrides the configuration', async () => {
    using pool = await testPool(1)
    await hold(pool)
    pool.env.CANHAZGPU_RUN_WAIT = 'true'
    expect((await pool.chg('run', '--wait', '1s', '--', 'true')).status).toBe(75)
    pool.env.CANHAZGPU_RUN_WAIT = 'perhaps'
    const invalid = failureOf(await pool.chg('run', '--json', '--', 'true'))
    expect(invalid).toMatchObject({ code: 'config-invalid', status: 125 })
    expect(invalid.message).toContain('perhaps')
  })
})

describe.concurrent('notes and names', () => {
  test('are shown to all users, without control characters', async () => {
    using pool = await testPool(2)
    await hold(
      pool,
      '--note',
      'till \u001b[31mnoon\u001b[0m\r\n\u202etomorrow',
      '--user',
      'eve\u0007\u001b]0;x',
    )
    const job = await startForever(pool, '--note', 'näher 山')
    const { stdout } = await pool.chg('status')
    expect(stdout).not.toMatch(/[^\P{Cc}\n]|\u202e/u)
    expect(stdout).toMatch(/GPU 0: IN USE by eve .* - till .*noon.* tomorrow \[validated: .*\]\n/)
    expect(stdout).toMatch(/GPU 1: IN USE by .* - näher 山 \[validated: .*\]\n/)
    expect((await pool.chg('status', '--table')).stdout).toContain('näher 山')
    expect(await pool.status()).toMatchObject([
      { user: expect.stringContaining('eve') },
      { note: 'näher 山' },
    ])
    kill(job.pid, 'SIGKILL')
  })

  test.each([['--note'], ['--user']])('%s: an invisible or too long text is wrong usage', async (option) => {
    using pool = await testPool(1)
    for (const text of ['', ' ', '\u001b\u0007', 'x'.repeat(201)]) {
      expect((await pool.chg('reserve', option, text)).status).toBe(2)
    }
  })
})

test('status --mine and --free filter GPUs', async () => {
  using pool = await testPool(3)
  await hold(pool, '--gpu-ids', '0')
  pool.setFakeDriver({
    gpus: { 2: { processes: [{ pid: 2 ** 22 + 1, uid: 4242, user: 'bob', name: 'x', memory_mb: 2000 }] } },
  })
  const ids = async (...options: string[]) =>
    JSON.parse((await pool.chg('status', '--json', ...options)).stdout).map(
      (gpu: { gpu_id: number }) => gpu.gpu_id,
    )
  expect(await ids()).toEqual([0, 1, 2])
  expect(await ids('--mine')).toEqual([0])
  expect(await ids('--free')).toEqual([1])
  expect(await ids('--mine', '--free')).toEqual([])
})

test('a command that waited has the same signals, limits and descriptors as one that did not', async () => {
  using pool = await testPool(1)
  await hold(pool)
  const report =
    'grep -E "^(SigIgn|SigBlk|SigCgt)" /proc/self/status; ulimit -n; umask; ls /proc/self/fd | wc -l'
  const bare = await pool.sh(`exec bash -c '${report}'`)
  const waited = pool.sh(`exec "$CHG" run --wait -- bash -c '${report}'`)
  await until('it is in the queue', () => storedQueue(pool).length === 1)
  await pool.chg('release')
  expect((await waited).stdout).toBe(bare.stdout)
})
