import { expect, test } from 'bun:test'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { Finding } from '../../../src/domain/diagnosis/finding.ts'
import type { DoctorDocument } from '../../../src/views/schemas/doctor.ts'
import { nvidiaSmiFiles, programEnvironment } from '../../adapters/gpu/simulated-drivers.ts'
import { EIGHT_H100, type SimulatedMachine } from '../../adapters/gpu/simulated-machine.ts'
import { daemonPool } from '../../support/daemon.ts'
import { changeStoredPool } from '../../support/database.ts'
import { failureOf } from '../../support/failure.ts'
import { inDaemonMode, isRoot, needing } from '../../support/needs.ts'
import { type Finished, finished, type TestPool, testPool } from '../../support/pool.ts'
import { pidsWith } from '../../support/processes.ts'
import { newUser, sharedPool } from '../../support/unix-users.ts'
import { until } from '../../support/until.ts'

type Code = Finding['code']

const documentOf = ({ stdout, stderr }: Finished): DoctorDocument => {
  if (stdout === '') throw new Error(`no document: ${stderr}`)
  return JSON.parse(stdout)
}

/** The findings of these checks by their codes, without those of programs, which depend on the machine. */
async function examined(pool: TestPool, ...words: readonly string[]) {
  const { findings, healthy } = documentOf(await pool.chg('doctor', ...words, '--json'))
  const find = (code: Code) => findings.find((each) => each.code === code)
  return { findings, healthy, find, codes: findings.map(({ code }) => code) }
}

/** The commands of the pool use this stand-in for nvidia-smi, and find no NVML. */
async function useDriver(pool: TestPool, machine: SimulatedMachine, persistence = 'Enabled'): Promise<void> {
  const folder = `${pool.folder}/driver`
  mkdirSync(folder, { recursive: true })
  const files = nvidiaSmiFiles(machine)
  const rows = (files['gpus.tsv'] ?? '').trimEnd().split('\n')
  const table = rows.map((row, nth) => `${row}\t${nth === 0 ? 'persistence_mode' : persistence}\n`)
  const env = await programEnvironment('nvidia-smi', { ...files, 'gpus.tsv': table.join('') }, folder)
  Object.assign(pool.env, env, { CANHAZGPU_NVML_LIBRARY: `${folder}/none.so.1` })
}

test('a sound pool of simulated GPUs is healthy', async () => {
  using pool = await testPool(4)
  const asked = await pool.chg('doctor', '--json')
  expect(asked).toMatchObject({ status: 0, stderr: '' })
  const { healthy, findings } = documentOf(asked)
  expect(healthy).toBe(true)
  const found = findings.filter(({ check }) => check !== 'programs').map(({ code }) => code)
  const service = inDaemonMode ? 'service-running' : 'service-unused'
  // The unit and the configuration of this machine are not those of the test.
  const withoutUnit = found.filter((code) => !code.startsWith('unit-'))
  const hasUnit = found.includes('unit-ignored')
  const disk = findings.find(({ check }) => check === 'disk')?.code ?? ''
  const pools = ['gpus-simulated', 'pool-sound']
  if (inDaemonMode && !isRoot) return
  expect(withoutUnit).toEqual([
    'configured',
    ...pools,
    disk,
    'clock-plausible',
    ...(hasUnit ? [] : [service]),
    'board-unused',
  ])
})

test('text has a level, a check and words in each line, and the counts', async () => {
  using pool = await testPool(2)
  const { stdout, status } = await pool.chg('doctor', 'configuration', 'clock')
  expect(status).toBe(0)
  expect(stdout).toMatch(/^ok {7}configuration {2}Used: .*CANHAZGPU_STORE/)
  expect(stdout).toMatch(/^ok {7}clock {10}It is \d{4}-/m)
  expect(stdout).toEndWith('0 failures, 0 warnings\n')
})

test('without a pool it fails, and names the command to type', async () => {
  using pool = await testPool(0)
  const asked = await pool.chg('doctor', 'pool', '--json')
  expect(failureOf(asked)).toMatchObject({ code: 'failure', status: 1 })
  const [finding] = documentOf(asked).findings
  expect(finding).toMatchObject({ check: 'pool', level: 'failure' })
})

test('an unknown check is a usage error', async () => {
  using pool = await testPool(0)
  expect(failureOf(await pool.chg('doctor', 'brakes', '--json'))).toMatchObject({ code: 'usage', status: 2 })
})

test('a driver: GPUs with model and memory, faults, persistence mode', async () => {
  using pool = await testPool(0)
  await useDriver(pool, EIGHT_H100, 'Disabled')
  const { find } = await examined(pool, 'driver', 'persistence', 'devices')
  expect(find('gpus-shown')).toMatchObject({
    level: 'ok',
    facts: { provider: 'nvidia-smi', models: [{ memoryMb: 81_559, count: 8 }] },
  })
  expect(find('persistence-off')?.level).toBe('warning')
  // The modules of the stand-in cannot be seen, but it answers.
  expect(find('nodes-absent')).toBeUndefined()
  await useDriver(pool, {
    ...EIGHT_H100,
    gpus: EIGHT_H100.gpus.map((gpu) => ({ ...gpu, fault: 'needs-reset' })),
  })
  const faulty = await examined(pool, 'driver')
  expect(faulty.codes.filter((code) => code === 'gpu-faulty')).toHaveLength(8)
  expect(faulty.healthy).toBe(false)
})

test.each([
  ['hangs', 'driver-unresponsive'],
  ['mismatch', 'driver-failed'],
  ['rubbish', 'driver-failed'],
] as const)('a driver that %s is a failure within the deadline', async (behaviour, error) => {
  using pool = await testPool(0)
  await useDriver(pool, { ...EIGHT_H100, behaviour })
  const asked = await pool.chg('doctor', 'driver', 'persistence', '--json', '--probe-timeout', '2s')
  const { findings, healthy } = documentOf(asked)
  expect(healthy).toBe(false)
  expect(findings.find(({ code }) => code === 'driver-failed')?.facts).toMatchObject({ error })
  expect(findings.find(({ check }) => check === 'persistence')?.level).not.toBe('ok')
  // A driver cannot write to the terminal.
  const { stdout } = await pool.chg('doctor', 'driver', '--probe-timeout', '2s')
  expect(stdout).not.toContain('\u001b')
})

test('a wrong configuration does not stop the other checks', async () => {
  using pool = await testPool(2)
  writeFileSync(`${pool.folder}/.canhazgpu.yaml`, 'no-such-key: 1\n')
  expect((await pool.chg('status')).status).toBe(1)
  const { find, healthy, codes } = await examined(pool)
  expect(healthy).toBe(false)
  expect(find('configuration-invalid')?.what).toContain('no-such-key')
  expect(codes).toContain('clock-plausible')
  pool.env.CANHAZGPU_PROBE_TIMEOUT = 'soon'
  writeFileSync(`${pool.folder}/.canhazgpu.yaml`, '')
  expect((await examined(pool, 'configuration')).find('configuration-invalid')).toBeDefined()
})

test('a configuration file that is not used is a warning', async () => {
  using pool = await testPool(2)
  const file = `${pool.folder}/.canhazgpu.yaml`
  writeFileSync(file, 'redis:\n  host: localhost\n')
  const { find, healthy } = await examined(pool, 'configuration')
  expect(find('configuration-skipped')?.level).toBe('warning')
  expect(find('configured')?.facts).toMatchObject({
    files: expect.arrayContaining([file]),
    variables: ['CANHAZGPU_STORE'],
  })
  expect(healthy).toBe(true)
})

test('a copy of another version is a warning, and its output cannot write to the terminal', async () => {
  using pool = await testPool(2)
  const folder = `${pool.folder}/bin`
  mkdirSync(folder)
  writeFileSync(`${folder}/canhazgpu`, "#!/bin/sh\nprintf '0.0.1\\033[31m\\007\\n'\n", { mode: 0o755 })
  writeFileSync(`${folder}/chg`, '#!/bin/sh\nexit 3\n', { mode: 0o755 })
  pool.env.PATH = `${folder}:${pool.env.PATH}`
  const { find } = await examined(pool, 'programs')
  expect(find('program-other')).toMatchObject({
    level: 'warning',
    facts: { path: `${folder}/canhazgpu`, version: '0.0.1 [31m', isFirst: true },
  })
  expect(find('program-unknown')).toMatchObject({ level: 'unknown', facts: { path: `${folder}/chg` } })
  expect((await pool.chg('doctor', 'programs')).stdout).not.toContain('\u001b')
})

needing('embedded pool').test('problems of the pool are those of admin --check', async () => {
  using pool = await testPool(2)
  chmodSync(pool.database, 0o600)
  const checked = JSON.parse((await pool.chg('admin', '--check', '--json')).stdout)
  const { find, healthy } = await examined(pool, 'pool')
  expect(healthy).toBe(false)
  expect(find('pool-problem')).toMatchObject({
    what: checked.problems[0].what,
    remedy: checked.problems[0].cure,
  })
})

needing('embedded pool').test('a clock that was set since the pool was written is a warning', async () => {
  using pool = await testPool(2)
  changeStoredPool(pool, (stored) => ({
    ...stored,
    writtenAt: { ...stored.writtenAt, wall: stored.writtenAt.wall + 7_200_000 },
  }))
  const { find, healthy } = await examined(pool, 'clock')
  expect(find('clock-jumped')).toMatchObject({ level: 'warning' })
  expect(Number(find('clock-jumped')?.facts.seconds)).toBeLessThan(-7_000)
  expect(healthy).toBe(true)
})

test('a daemon that does not run, and one of this version', async () => {
  using pool = await daemonPool(1)
  expect((await examined(pool, 'service')).find('service-running')?.level).toBe('ok')
  await pool.killDaemon()
  const { find, healthy } = await examined(pool, 'service', 'pool')
  expect(healthy).toBe(false)
  expect(find('service-silent')).toBeDefined()
  expect(find('pool-unreadable')?.facts).toMatchObject({ error: 'daemon-unavailable' })
})

needing('users').test('an ordinary user learns what only root can check', async () => {
  using pool = await sharedPool(2)
  const ann = await newUser('ann')
  try {
    const asked = await ann.chg(pool, 'doctor', '--json')
    const { findings, healthy } = documentOf(asked)
    expect(healthy).toBe(true)
    expect(asked.status).toBe(0)
    const found = findings.find(({ check }) => check === 'pool')
    expect(found?.level).toBe(inDaemonMode ? 'unknown' : 'ok')
    if (inDaemonMode) expect(found?.remedy).toContain('sudo canhazgpu doctor')
  } finally {
    await ann.remove()
  }
})

needing('users').test('root starts no program that another account put on PATH', async () => {
  using pool = await sharedPool(2)
  const eve = await newUser('eve')
  try {
    const folder = `${pool.folder}/eve`
    mkdirSync(folder)
    for (const name of ['nvidia-smi', 'amd-smi', 'systemctl', 'canhazgpu', 'getent', 'dmesg']) {
      writeFileSync(`${folder}/${name}`, `#!/bin/sh\n: > ${folder}/started-${name}\n`, { mode: 0o755 })
      chownSync(`${folder}/${name}`, eve.uid, 0)
    }
    chownSync(folder, eve.uid, 0)
    chmodSync(folder, 0o777)
    pool.env.PATH = `${folder}:${pool.env.PATH}`
    const { find } = await examined(pool)
    for (const check of ['driver', 'persistence', 'service', 'programs']) await examined(pool, check)
    await pool.chg('admin')
    expect(find('program-unknown')?.facts.path).toBe(`${folder}/canhazgpu`)
    const started = ['nvidia-smi', 'amd-smi', 'systemctl', 'canhazgpu', 'getent', 'dmesg']
    expect(started.filter((name) => existsSync(`${folder}/started-${name}`))).toEqual([])
  } finally {
    await eve.remove()
  }
})

test('a check that hangs is given up, and the others are shown', async () => {
  using pool = await testPool(0)
  // The check of this driver takes a second, so the test finds its process.
  await useDriver(pool, { ...EIGHT_H100, behaviour: 'hangs' })
  pool.env.CANHAZGPU_PROBE_TIMEOUT = '1s'
  const doctor = pool.start('doctor', '--json')
  const isCheck = (pid: number) => argumentsOf(pid).includes('driver')
  const pid = await until(
    'a process checks the driver',
    () => pidsWith(`CANHAZGPU_STORE=${pool.store}`).find(isCheck) ?? null,
  )
  process.kill(pid, 'SIGSTOP')
  const { findings, healthy } = documentOf(await finished(doctor))
  expect(healthy).toBe(false)
  expect(findings.find(({ check }) => check === 'driver')).toMatchObject({
    code: 'unfinished',
    level: 'failure',
  })
  expect(findings.map(({ check }) => check)).toEqual(
    expect.arrayContaining(['configuration', 'pool', 'disk']),
  )
})

function argumentsOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    return []
  }
}
