import { expect, test } from 'bun:test'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import type { WrittenDocument } from '../../../src/views/schemas/doctor.ts'
import { nvidiaSmiFiles, programEnvironment } from '../../adapters/gpu/simulated-drivers.ts'
import { type SimulatedMachine, withProcesses } from '../../adapters/gpu/simulated-machine.ts'
import { failureOf } from '../../support/failure.ts'
import { needing } from '../../support/needs.ts'
import { type TestPool, testPool } from '../../support/pool.ts'
import { newUser, sharedPool } from '../../support/unix-users.ts'

const BUSY = withProcesses({ pid: 4_194_305, name: '/opt/lab/python3 -m zebra', memoryMb: 30_000 })

async function useDriver(pool: TestPool, machine: SimulatedMachine): Promise<void> {
  const folder = `${pool.folder}/driver`
  mkdirSync(folder, { recursive: true })
  Object.assign(pool.env, await programEnvironment('nvidia-smi', nvidiaSmiFiles(machine), folder))
  pool.env.CANHAZGPU_NVML_LIBRARY = `${folder}/none.so.1`
}

const written = ({ stdout }: { readonly stdout: string }): WrittenDocument => JSON.parse(stdout)

/** All texts in an archive, by path. */
function unpacked(archive: string): Readonly<Record<string, string>> {
  const folder = `${archive}.d`
  mkdirSync(folder)
  const tar = Bun.spawnSync(['tar', '-xzf', archive, '-C', folder])
  if (tar.exitCode !== 0) throw new Error(tar.stderr.toString())
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile())
  return Object.fromEntries(
    files.map(({ parentPath, name }) => {
      const path = `${parentPath}/${name}`
      return [path.slice(folder.length + 1), readFileSync(path, 'utf8')]
    }),
  )
}

test.each(['--bundle', '--capture'])('%s refuses a place before it asks the driver', async (flag) => {
  using pool = await testPool(1)
  await useDriver(pool, BUSY)
  const at = (name: string) => `${pool.folder}/${name}`
  writeFileSync(at('driver/first.sh'), `touch ${at('asked')}\n`)
  writeFileSync(at('taken'), 'mine')
  for (const place of ['taken', 'none/x']) {
    const refused = await pool.chg('doctor', flag, at(place), '--json')
    expect(failureOf(refused)).toMatchObject({ code: 'failure', status: 1 })
    expect(existsSync(at('asked'))).toBe(false)
  }
  expect((await pool.chg('doctor', flag, at('free'))).status).toBe(0)
  expect(existsSync(at('asked'))).toBe(true)
})

test('a bundle has the facts, and not the names', async () => {
  using pool = await testPool(4)
  pool.setFakeDriver({
    gpus: {
      '1': {
        processes: [{ pid: 12345, user: 'walrus', uid: 1002, name: 'python3 quokka.py', memory_mb: 1536 }],
      },
    },
  })
  await pool.chg('reserve', '--gpu-ids', '0', '--user', 'Okapi', '--note', 'the giraffe run')
  await useDriver(pool, BUSY)
  writeFileSync(`${pool.folder}/.canhazgpu.yaml`, 'web:\n  token: elephant-token\n')
  const archive = `${pool.folder}/report.tar.gz`
  const asked = await pool.chg('doctor', '--bundle', archive, '--json')
  expect(asked.status).toBe(0)
  expect(statSync(archive).mode & 0o7777).toBe(0o600)
  const files = unpacked(archive)
  expect(written(asked)).toEqual({ path: archive, contents: Object.keys(files).toSorted() })
  const all = Object.values(files).join('\n')
  for (const secret of ['Okapi', 'giraffe', 'quokka', 'zebra', 'elephant']) expect(all).not.toContain(secret)
  expect(all).not.toMatch(new RegExp(`\\b${hostname()}\\b`))
  const status = JSON.parse(files['status.json'] ?? '')
  expect(status[0]).toMatchObject({
    status: 'IN_USE',
    user: expect.stringMatching(/^user-\d/),
    note: 'note-1',
  })
  expect(JSON.parse(files['doctor.json'] ?? '')).toMatchObject({ version: expect.any(String) })
  expect(JSON.parse(files['configuration.json'] ?? '')).toEqual({
    ...JSON.parse(files['configuration.json'] ?? ''),
    [`${pool.folder}/.canhazgpu.yaml`]: ['web.token'],
  })
  expect(files['drivers/nvidia-smi/apps.tsv']).toContain('command-')
  expect(Object.keys(files)).toContain('drivers/nvidia-smi/gpus.tsv')
})

test('a bundle is written although nothing works', async () => {
  using pool = await testPool(0)
  writeFileSync(`${pool.folder}/.canhazgpu.yaml`, 'no-such-key: 1\n')
  await useDriver(pool, { ...BUSY, behaviour: 'hangs' })
  const asked = await pool.chg('doctor', '--bundle', 'report.tar.gz', '--probe-timeout', '1s')
  expect(asked).toMatchObject({ status: 0 })
  expect(asked.stdout).toStartWith(`Wrote ${pool.folder}/report.tar.gz:\n`)
  const files = unpacked(`${pool.folder}/report.tar.gz`)
  expect(files['drivers/nvidia-smi/answers.txt']).toContain('(no answer)')
  expect(JSON.parse(files['status.json'] ?? '').error.code).toBe('config-invalid')
})

test('an existing file, a link and a missing folder are refused, and stay as they are', async () => {
  using pool = await testPool(1)
  await useDriver(pool, BUSY)
  const at = (name: string) => `${pool.folder}/${name}`
  writeFileSync(at('file'), 'mine')
  symlinkSync(at('target'), at('link'))
  for (const [flag, name] of [
    ['--bundle', 'file'],
    ['--bundle', 'link'],
    ['--capture', 'file'],
    ['--capture', 'link'],
  ] as const) {
    const refused = await pool.chg('doctor', flag, at(name), '--json')
    expect(failureOf(refused)).toMatchObject({ code: 'failure', status: 1 })
  }
  expect(failureOf(await pool.chg('doctor', '--bundle', at('none/x.tgz'), '--json')).code).toBe('failure')
  expect(readFileSync(at('file'), 'utf8')).toBe('mine')
  expect(readlinkSync(at('link'))).toBe(at('target'))
  expect(existsSync(at('target'))).toBe(false)
})

test('a capture replays the driver', async () => {
  using pool = await testPool(0)
  await useDriver(pool, BUSY)
  const folder = `${pool.folder}/answers`
  const asked = await pool.chg('doctor', '--capture', folder, '--json')
  expect(asked.status).toBe(0)
  expect(written(asked).contents).toEqual([
    'nvidia-smi/answers.txt',
    'nvidia-smi/apps.tsv',
    'nvidia-smi/gpus.tsv',
  ])
  expect(lstatSync(folder).mode & 0o7777).toBe(0o700)
  for (const file of written(asked).contents) expect(statSync(`${folder}/${file}`).mode & 0o7777).toBe(0o600)
  expect(readFileSync(`${folder}/nvidia-smi/gpus.tsv`, 'utf8').split('\n')).toHaveLength(BUSY.gpus.length + 2)
})

test('nothing to capture, and options that contradict each other', async () => {
  using pool = await testPool(0)
  pool.env.CANHAZGPU_NVML_LIBRARY = '/nowhere/none.so.1'
  pool.env.PATH = '/nowhere'
  const refused = failureOf(await pool.chg('doctor', '--capture', 'x', '--json'))
  if (refused.status !== 0) expect(refused).toMatchObject({ code: 'driver-missing', status: 1 })
  expect(existsSync(`${pool.folder}/x`)).toBe(false)
  for (const words of [
    ['--bundle', 'a', '--capture', 'b'],
    ['driver', '--bundle', 'a'],
  ]) {
    expect(failureOf(await pool.chg('doctor', '--json', ...words))).toMatchObject({
      code: 'usage',
      status: 2,
    })
  }
})

needing('users').test('root writes nothing where another account decides the place', async () => {
  using pool = await sharedPool(1)
  const eve = await newUser('eve')
  try {
    const folder = `${pool.folder}/eve`
    await pool.sh(`mkdir ${folder} && chown ${eve.uid} ${folder}`)
    await useDriver(pool, BUSY)
    for (const flag of ['--bundle', '--capture']) {
      const refused = await pool.chg('doctor', flag, `${folder}/x`, '--json')
      expect(failureOf(refused)).toMatchObject({ code: 'permission-denied', status: 1 })
    }
    expect(readdirSync(folder)).toEqual([])
  } finally {
    await eve.remove()
  }
})
