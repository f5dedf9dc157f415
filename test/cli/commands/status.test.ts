import { expect, test } from 'bun:test'
import { changeStoredPool } from '../../support/database.ts'
import { failureOf } from '../../support/failure.ts'
import { startForever } from '../../support/job.ts'
import { needing } from '../../support/needs.ts'
import { binary, testPool } from '../../support/pool.ts'
import { openTerminal } from '../../support/terminal.ts'
import { ownName } from '../../support/unix-users.ts'
import { hold } from '../../support/waiters.ts'

const me = ownName()
const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** Seconds may pass during a test, but not minutes. */
const seconds = '\\d+s'

test('the line of an available GPU has its last release and its used memory', async () => {
  using pool = await testPool(3)
  pool.setFakeDriver({ gpus: { '0': { memory_used_mb: 45 } } })
  changeStoredPool(pool, (document) => ({
    ...document,
    units: document.units.map((unit) =>
      unit.id === '1' ? { ...unit, lastUse: { endedAt: Date.now() - 30.1 * MINUTE, uid: 54321 } } : unit,
    ),
  }))
  const { stdout, stderr, status } = await pool.chg('status')
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
  const [first, second, third, ...rest] = stdout.split('\n')
  expect(first).toBe('GPU 0: AVAILABLE (never used) [validated: 45MB used]')
  expect(second).toMatch(
    new RegExp(`^GPU 1: AVAILABLE \\(last released 0h 30m ${seconds} ago\\) \\[validated: 0MB used\\]$`),
  )
  expect(third).toBe('GPU 2: AVAILABLE (never used) [validated: 0MB used]')
  expect(rest).toEqual([''])
})

test('the line of a manual reservation, without and with processes', async () => {
  using pool = await testPool(2)
  await pool.chg('reserve', '--gpus', '2', '--duration', '3h15m')
  changeStoredPool(pool, (document) => ({
    ...document,
    reservations: document.reservations.map((each) => ({
      ...each,
      startedAt: each.startedAt - HOUR - 2 * MINUTE,
    })),
  }))
  pool.setFakeDriver({
    gpus: { '1': { processes: [{ pid: 4_000_000, user: 'x', name: 'python3', memory_mb: 8452 }] } },
  })
  const [unused, used] = (await pool.chg('status')).stdout.split('\n')
  const terms = `IN USE by ${me} for 1h 2m ${seconds} \\(manual, expires in 3h 1\\dm ${seconds}\\)`
  expect(unused).toMatch(new RegExp(`^GPU 0: ${terms} \\[validated: no actual usage detected\\]$`))
  expect(used).toMatch(new RegExp(`^GPU 1: ${terms} \\[validated: 8452MB, 1 processes\\]$`))
})

test('a note is before the bracket', async () => {
  using pool = await testPool(1)
  await pool.chg('reserve', '--note', 'two epochs')
  const { stdout } = await pool.chg('status')
  expect(stdout).toMatch(
    /\(manual, expires in [^)]*\) - two epochs \[validated: no actual usage detected\]\n$/,
  )
})

test('the line of a run has its last heartbeat', async () => {
  using pool = await testPool(1)
  await startForever(pool)
  const { stdout } = await pool.chg('status')
  expect(stdout).toMatch(
    new RegExp(
      `^GPU 0: IN USE by ${me} for 0h 0m ${seconds} \\(run, last heartbeat 0h 0m ${seconds} ago\\) \\[validated: no actual usage detected\\]\\n$`,
    ),
  )
})

test('the line of an unreserved GPU in use has its users and processes', async () => {
  using pool = await testPool(4)
  const process = (pid: number, user: string, name: string, memory_mb = 512) => ({
    pid,
    user,
    name,
    memory_mb,
  })
  pool.setFakeDriver({
    gpus: {
      '0': { processes: [process(12345, 'bob', 'python3'), process(67890, 'bob', 'jupyter')] },
      '1': { processes: [process(11, 'bob', 'a', 1024), process(12, 'carol', 'b', 1024)] },
      '2': { memory_used_mb: 2048 },
      '3': { processes: Array.from({ length: 7 }, (_, i) => process(100 + i, 'bob', `p${i}`)) },
    },
  })
  expect((await pool.chg('status')).stdout.split('\n')).toEqual([
    'GPU 0: IN USE WITHOUT RESERVATION by user bob - 1024MB used by PID 12345 (python3), PID 67890 (jupyter)',
    'GPU 1: IN USE WITHOUT RESERVATION by users bob, carol - 2048MB used by PID 11 (a), PID 12 (b)',
    'GPU 2: IN USE WITHOUT RESERVATION by user unknown - 2048MB used by unknown processes',
    'GPU 3: IN USE WITHOUT RESERVATION by user bob - 3584MB used by PID 100 (p0), PID 101 (p1), PID 102 (p2), PID 103 (p3), PID 104 (p4) and 2 more',
    '',
  ])
})

test('used memory is the sum of the processes if the driver reports less for the GPU', async () => {
  using pool = await testPool(2)
  const process = (pid: number, memory_mb: number) => ({ pid, user: 'bob', name: 'a', memory_mb })
  pool.setFakeDriver({
    gpus: {
      '0': { memory_used_mb: 11, processes: [process(7, 29_900), process(8, 100)] },
      '1': { memory_used_mb: 30_000, processes: [process(7, 29_900), process(8, 19_700)] },
    },
  })
  const { stdout } = await pool.chg('status')
  expect(stdout).toContain('GPU 0: IN USE WITHOUT RESERVATION by user bob - 30000MB used by PID 7')
  expect(stdout).toContain('GPU 1: IN USE WITHOUT RESERVATION by user bob - 30000MB used by PID 7')
})

test('the threshold decides what counts as use', async () => {
  using pool = await testPool(1)
  pool.setFakeDriver({ gpus: { '0': { memory_used_mb: 600 } } })
  expect((await pool.chg('status')).stdout).toContain('AVAILABLE')
  expect((await pool.chg('status', '--memory-threshold', '600')).stdout).toContain('WITHOUT RESERVATION')
  expect((await pool.chg('--memory-threshold', '601', 'status')).stdout).toContain('AVAILABLE')
})

test('the line of a faulty GPU has its error; other GPUs and its reservation are still shown', async () => {
  using pool = await testPool(3)
  await pool.chg('reserve')
  const fault = { fault: 'GPU is lost. Reboot the system to recover this GPU' }
  pool.setFakeDriver({ gpus: { '0': fault, '1': fault } })
  const [reserved, faulty, healthy] = (await pool.chg('status')).stdout.split('\n')
  expect(reserved).toMatch(/^GPU 0: IN USE by .* \[not validated: GPU is lost\. Reboot .*\]$/)
  expect(faulty).toBe('GPU 1: ERROR - GPU is lost. Reboot the system to recover this GPU')
  expect(healthy).toBe('GPU 2: AVAILABLE (never used) [validated: 0MB used]')
})

test('a hanging driver times out; reservations are still shown, and no GPU is granted', async () => {
  using pool = await testPool(2)
  await pool.chg('reserve')
  pool.setFakeDriver({ hang: true })
  const seen = await pool.chg('status', '--probe-timeout', '1s', '--json')
  expect(failureOf(seen)).toMatchObject({ code: 'driver-unresponsive', status: 1 })
  expect(failureOf(seen).message).toContain(' 1 s')
  expect(JSON.parse(seen.stdout)).toMatchObject([
    { status: 'IN_USE', reason: { code: 'unanswered' } },
    { status: 'ERROR', reason: { code: 'unanswered' }, error: failureOf(seen).message },
  ])
  for (const [typed, status] of [
    [['reserve', '--json', '--probe-timeout', '1s'], 1],
    [['run', '--json', '--probe-timeout', '1s', '--', 'true'], 125],
  ] as const) {
    expect(failureOf(await pool.chg(...typed))).toMatchObject({ code: 'driver-unresponsive', status })
  }
})

needing('embedded pool').test('a hanging driver does not block other commands', async () => {
  using pool = await testPool(2)
  pool.setFakeDriver({ hang: true })
  const hanging = pool.start('reserve', '--probe-timeout', '10m')
  delete pool.env.CANHAZGPU_FAKE_USAGE
  const free = await pool.chg('reserve', '--gpus', '2')
  expect(free.stdout).toStartWith('Reserved 2 GPU(s): [0, 1]')
  hanging.kill('SIGKILL')
})

test('a failed driver is reported with its reason', async () => {
  using pool = await testPool(1)
  pool.setFakeDriver({ fail: 'Failed to initialize NVML: Driver/library version mismatch' })
  expect((await pool.chg('status')).stdout).toMatch(/^GPU 0: ERROR - .*mismatch.*\n$/)
  expect(failureOf(await pool.chg('status', '--json'))).toMatchObject({
    ...{ code: 'driver-failed', status: 1 },
    message: expect.stringContaining('Driver/library version mismatch'),
  })
})

test('texts of other users cannot control the terminal', async () => {
  using pool = await testPool(2)
  const evil = '\u001b[2J\u001b]0;owned\u0007\r\nGPU 9: AVAILABLE\u202e'
  pool.setFakeDriver({
    gpus: {
      '0': { processes: [{ pid: 7, user: evil, name: evil, memory_mb: 4000 }] },
      '1': { fault: evil },
    },
  })
  const { stdout } = await pool.chg('status')
  expect(stdout.split('\n')).toHaveLength(3)
  expect(stdout).not.toMatch(/[^\P{C}\n]/u)
})

test('an expired reservation is not shown, and has ended in the history', async () => {
  using pool = await testPool(1)
  await pool.chg('reserve', '--duration', '1h')
  const expiresAt = Date.now() - 10 * MINUTE
  changeStoredPool(pool, (document) => ({
    ...document,
    reservations: document.reservations.map((each) => ({
      ...each,
      startedAt: expiresAt - HOUR,
      term: { ...each.term, expiresAt },
    })),
  }))
  expect((await pool.chg('status')).stdout).toMatch(/^GPU 0: AVAILABLE \(last released 0h 10m/)
})

test('--json has only known fields', async () => {
  using pool = await testPool(4)
  await pool.chg('reserve', '--duration', '2h')
  await startForever(pool)
  pool.setFakeDriver({
    gpus: {
      '0': {
        name: 'NVIDIA H100 80GB HBM3',
        memory_used_mb: 9000,
        memory_total_mb: 81559,
        utilization_percent: 97,
        temperature_c: 61,
        power_w: 312.5,
        processes: [{ pid: 4_000_001, uid: 1234, user: 'alice', name: 'python3', memory_mb: 8990 }],
      },
      '2': { processes: [{ pid: 4_000_002, user: 'bob', name: 'jupyter', memory_mb: 2000 }] },
      '3': { fault: 'GPU is lost' },
    },
  })
  const [manual, run, unreserved, faulty, ...rest] = await pool.status()
  expect(Date.parse(manual?.expiry_time ?? '') - Date.parse(manual?.started_at ?? '')).toBe(2 * HOUR)
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
  expect(rest).toEqual([])
  expect(manual as unknown).toMatchObject({
    gpu_id: 0,
    status: 'IN_USE',
    user: me,
    account: me,
    type: 'MANUAL',
    duration_seconds: expect.any(Number),
    started_at: time,
    expiry_time: time,
    memory_used_mb: 9000,
    memory_total_mb: 81559,
    utilization_percent: 97,
    temperature_c: 61,
    power_w: 312.5,
    processes: [{ pid: 4_000_001, user: 'alice', name: 'python3', memory_mb: 8990 }],
    other_users: ['alice'],
    validation: `9000MB, 1 processes, used by alice, not by ${me}`,
  })
  expect(run as unknown).toMatchObject({ gpu_id: 1, status: 'IN_USE', type: 'RUN', last_heartbeat: time })
  expect(run).not.toHaveProperty('expiry_time')
  expect(unreserved as unknown).toMatchObject({
    gpu_id: 2,
    status: 'UNRESERVED',
    unreserved_users: ['bob'],
    processes: [{ pid: 4_000_002, user: 'bob', name: 'jupyter', memory_mb: 2000 }],
  })
  expect(unreserved).not.toHaveProperty('user')
  expect(faulty as unknown).toMatchObject({ gpu_id: 3, status: 'ERROR', error: 'GPU is lost' })
  expect(faulty).not.toHaveProperty('memory_used_mb')
})

test('other users of a reserved GPU are shown', async () => {
  using pool = await testPool(2)
  await pool.chg('reserve', '--gpus', '2')
  const other = { pid: 4_000_001, uid: 70_001, user: 'benu', name: 'python3', memory_mb: 9000 }
  const own = { pid: 4_000_002, uid: process.getuid?.(), user: me, name: 'python3', memory_mb: 9000 }
  pool.setFakeDriver({ gpus: { '0': { processes: [own, other] }, '1': { processes: [other] } } })
  const [shared, taken] = (await pool.chg('status')).stdout.split('\n')
  expect(shared).toEndWith('[validated: 18000MB, 2 processes, also used by benu]')
  expect(taken).toEndWith(`[validated: 9000MB, 1 processes, used by benu, not by ${me}]`)
  const documents = JSON.parse((await pool.chg('status', '--json')).stdout)
  expect(documents).toMatchObject([{ other_users: ['benu'] }, { other_users: ['benu'] }])
  expect((await pool.chg('status', '--table')).stdout).toContain('also used by benu')
})

test('--mine and --free print a notice if no GPU matches; stdout stays empty', async () => {
  using pool = await testPool(1)
  const notice = expect.stringMatching(/^[^\n]+\n$/)
  expect(await pool.chg('status', '--mine')).toEqual({ status: 0, stdout: '', stderr: notice })
  await pool.chg('reserve')
  expect(await pool.chg('status', '--free')).toEqual({ status: 0, stdout: '', stderr: notice })
  expect(await pool.chg('status', '--free', '--json')).toEqual({ status: 0, stdout: '[]\n', stderr: '' })
  expect((await pool.chg('status', '--mine')).stderr).toBe('')
})

test('--table fits a narrow terminal, and has no column without content', async () => {
  using pool = await testPool(2)
  await hold(pool, '--gpu-ids', '1', '--note', 'a note that is longer than the terminal is wide, by far')
  pool.setFakeDriver({ gpus: { 0: { memory_used_mb: 9000 } } })
  using terminal = openTerminal(pool, [binary, 'status', '--table'], { columns: 80 })
  await terminal.see('manual')
  await terminal.process.exited
  const [header = '', ...rows] = Bun.stripANSI(terminal.shown).trim().split('\r\n')
  expect(header.split(/ +/)).toEqual(['GPU', 'STATUS', 'USER', 'DURATION', 'TYPE', 'DETAILS', 'VALIDATION'])
  for (const row of rows) expect(Bun.stringWidth(row)).toBeLessThanOrEqual(80)
  expect(rows[0]).toStartWith('0    UNRESERVED  unknown')
  expect(rows[1]).toMatch(/^1 {4}IN USE .* expires in .*… {2}no actual us/)
})
