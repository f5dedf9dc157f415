import { expect, test } from 'bun:test'
import { boardFindings } from '../../../src/domain/diagnosis/board-rules.ts'
import {
  type Devices,
  deviceFindings,
  driverFindings,
  persistenceFindings,
} from '../../../src/domain/diagnosis/driver-rules.ts'
import {
  checkOf,
  diagnosis,
  type Finding,
  isHealthy,
  levelOf,
} from '../../../src/domain/diagnosis/finding.ts'
import {
  clockFindings,
  diskFindings,
  programFindings,
  serviceFindings,
} from '../../../src/domain/diagnosis/machine-rules.ts'
import { poolFindings, uncheckedPool } from '../../../src/domain/diagnosis/pool-rules.ts'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import type { GpuReading } from '../../../src/domain/pool/model.ts'

const codes = (findings: readonly Finding[]) => findings.map(({ code }) => code)
const reading = (index: number, state: object = {}): GpuReading => ({
  ...{ index, uuid: `GPU-${index}`, name: 'H100' },
  state: {
    kind: 'measured',
    memoryUsedMb: 4,
    memoryTotalMb: 81_559,
    processes: [],
    ...state,
  } as GpuReading['state'],
})
const failed = (
  provider: 'nvml' | 'nvidia-smi' | 'amd-smi',
  error: 'driver-missing' | 'driver-failed' | 'driver-unresponsive',
) => ({ provider, kind: 'failed', error, reason: 'why' }) as const
const gpus = (provider: 'nvml' | 'nvidia-smi' | 'amd-smi', ...readings: readonly GpuReading[]) =>
  ({ provider, kind: 'gpus', readings }) as const

test('a driver: shown, half failed, failed, hung, missing, of another version', () => {
  const missing = [
    failed('nvml', 'driver-missing'),
    failed('nvidia-smi', 'driver-missing'),
    failed('amd-smi', 'driver-missing'),
  ]
  expect(codes(driverFindings(missing, {}))).toEqual(['driver-missing'])
  expect(driverFindings(missing, { nvidiaModule: '550.1' })).toEqual([
    { code: 'driver-missing', module: '550.1' },
  ])
  const half = driverFindings(
    [failed('nvml', 'driver-failed'), gpus('nvidia-smi', reading(0), reading(1))],
    {},
  )
  expect(half).toMatchObject([
    { code: 'gpus-shown', provider: 'nvidia-smi', models: [{ name: 'H100', memoryMb: 81_559, count: 2 }] },
    { code: 'driver-half-failed', provider: 'nvml' },
  ])
  expect(isHealthy(half)).toBe(true)
  const hung = driverFindings(
    [failed('nvml', 'driver-unresponsive'), failed('nvidia-smi', 'driver-missing')],
    {},
  )
  expect(hung).toMatchObject([{ code: 'driver-failed', error: 'driver-unresponsive' }])
  expect(isHealthy(hung)).toBe(false)
  const lost = { kind: 'fault', reason: 'GPU is lost' }
  expect(codes(driverFindings([gpus('nvml', reading(0), reading(1, lost))], {}))).toEqual([
    'gpus-shown',
    'gpu-faulty',
  ])
  const versions = { nvidiaModule: '550.1', nvidiaLibrary: '550.2' }
  expect(codes(driverFindings([failed('nvml', 'driver-failed')], versions))).toEqual([
    'driver-failed',
    'versions-differ',
  ])
  expect(codes(driverFindings([gpus('nvml', reading(0))], versions))).toEqual(['gpus-shown'])
  const both = driverFindings([gpus('nvml', reading(0)), gpus('amd-smi', reading(0))], {
    nvidiaModule: '550.1',
  })
  expect(codes(both)).toEqual(['gpus-shown', 'gpus-shown'])
})

test('device files: a missing GPU is normal if there are others, a closed one is not', () => {
  const node = (path: string, state: 'usable' | 'missing' | 'closed') => ({ path, state, group: 'video' })
  const levels = (devices: Devices) => deviceFindings(devices).map((each) => [each.code, levelOf(each)])
  expect(levels({ isLoaded: false, nodes: [] })).toEqual([['nodes-absent', 'failure']])
  const usable = node('/dev/nvidia0', 'usable')
  expect(levels({ isLoaded: true, nodes: [usable] })).toEqual([['nodes-usable', 'ok']])
  const missing = node('/dev/nvidia1', 'missing')
  expect(levels({ isLoaded: true, nodes: [usable, missing] })).toEqual([['node-missing', 'warning']])
  expect(levels({ isLoaded: true, nodes: [missing] })).toEqual([['node-missing', 'failure']])
  const uvm = node('/dev/nvidia-uvm', 'missing')
  expect(levels({ isLoaded: true, nodes: [uvm, usable] })).toEqual([['node-missing', 'warning']])
  const control = node('/dev/nvidiactl', 'missing')
  expect(levels({ isLoaded: true, nodes: [control, usable] })).toEqual([['node-missing', 'failure']])
  expect(levels({ isLoaded: true, nodes: [usable, node('/dev/kfd', 'closed')] })).toEqual([
    ['node-closed', 'failure'],
  ])
})

test('persistence mode: what nvidia-smi does not say is not known', () => {
  expect(persistenceFindings(['Enabled', 'Enabled'])).toEqual([{ code: 'persistence-on', gpus: 2 }])
  expect(persistenceFindings(['Enabled', 'Disabled'])).toEqual([{ code: 'persistence-off', gpus: [1] }])
  for (const modes of [[], ['[N/A]'], { reason: 'late' }]) {
    expect(codes(persistenceFindings(modes))).toEqual(['persistence-unknown'])
  }
})

test('disk: space, files, read-only, network', () => {
  const roomy = { path: '/p', freeMb: 5_000, freeFiles: 100_000, isReadOnly: false, network: null }
  expect(codes(diskFindings(roomy))).toEqual(['disk-roomy'])
  expect(codes(diskFindings({ ...roomy, freeMb: 199 }))).toEqual(['disk-low'])
  expect(codes(diskFindings({ ...roomy, freeFiles: 500 }))).toEqual(['disk-low'])
  expect(codes(diskFindings({ ...roomy, freeMb: 9 }))).toEqual(['disk-full'])
  expect(codes(diskFindings({ ...roomy, freeFiles: 0 }))).toEqual(['disk-full'])
  expect(codes(diskFindings({ ...roomy, isReadOnly: true, network: 'NFS' }))).toEqual([
    'disk-remote',
    'disk-read-only',
  ])
})

test('clock: before the build, set since the last write, not known', () => {
  const facts = { now: 2_000_000, built: 1_000_000, jump: 0 }
  expect(codes(clockFindings(facts))).toEqual(['clock-plausible'])
  expect(codes(clockFindings({ ...facts, built: undefined, jump: undefined }))).toEqual(['clock-plausible'])
  expect(codes(clockFindings({ ...facts, now: 999_999 }))).toEqual(['clock-behind'])
  expect(clockFindings({ ...facts, jump: -7_200_000 })).toEqual([{ code: 'clock-jumped', seconds: -7_200 }])
  expect(codes(clockFindings({ ...facts, jump: null }))).toEqual(['clock-unknown'])
})

test('service: none, silent, of another version, without a unit', () => {
  const embedded = { manager: null, own: '1', isMachineServed: false }
  expect(codes(serviceFindings(embedded))).toEqual(['service-unused'])
  expect(codes(serviceFindings({ ...embedded, unit: '/u' }))).toEqual(['unit-ignored'])
  expect(codes(serviceFindings({ ...embedded, unit: '/u', isMachineServed: true }))).toEqual([
    'service-unused',
  ])
  const daemon = { own: '1', isMachineServed: true, socket: '/s', manager: null, daemon: { version: '1' } }
  const unit = { unit: '/u', manager: { state: 'active', isEnabled: true } as const }
  expect(codes(serviceFindings(daemon))).toEqual(['service-running'])
  expect(codes(serviceFindings({ ...daemon, ...unit }))).toEqual(['service-running'])
  expect(codes(serviceFindings({ ...daemon, daemon: { version: '0' } }))).toEqual(['service-other-version'])
  expect(codes(serviceFindings({ ...daemon, daemon: {} }))).toEqual(['service-unversioned'])
  const silent = serviceFindings({
    ...daemon,
    ...unit,
    daemon: { reason: 'no' },
    manager: { state: 'failed', isEnabled: false },
  })
  expect(silent).toMatchObject([{ code: 'service-silent', state: 'failed' }, { code: 'unit-disabled' }])
  expect(codes(serviceFindings({ ...daemon, manager: { state: 'unknown' } }))).toEqual([
    'service-running',
    'unit-missing',
  ])
  const asked = { state: 'unknown', reason: 'late' } as const
  expect(codes(serviceFindings({ ...daemon, unit: '/u', manager: asked }))).toEqual([
    'service-running',
    'unit-unknown',
  ])
})

test('programs: the same version, another one, one that was not started', () => {
  const own = { version: '2 (a)', path: '/w/canhazgpu' }
  expect(codes(programFindings([], own))).toEqual(['program-uninstalled'])
  const at = (path: string) => ({ path, isFirst: false })
  const found = programFindings(
    [
      { ...at('/a'), version: '2 (a)' },
      { ...at('/b'), version: '1' },
      { ...at('/c'), reason: 'not safe' },
    ],
    own,
  )
  expect(found.map((each) => [each.code, levelOf(each)])).toEqual([
    ['program-same', 'ok'],
    ['program-other', 'warning'],
    ['program-unknown', 'unknown'],
  ])
})

test('a pool: sound, with problems, missing, unreadable, closed by the daemon', () => {
  const counts = { gpus: 2, reservations: 1, waiting: 0, records: 5 }
  expect(poolFindings({ path: '/p', problems: [], counts })).toEqual([
    { code: 'pool-sound', path: '/p', ...counts },
  ])
  const problem = { kind: 'damage', what: 'w', remedy: 'r' } as const
  expect(codes(poolFindings({ path: '/p', problems: [problem], notCompared: 'late' }))).toEqual([
    'pool-problem',
    'pool-not-compared',
  ])
  const unchecked = (code: CanhazgpuError['code'], isOfDaemon = false) =>
    uncheckedPool(new CanhazgpuError(code, 'm'), isOfDaemon).code
  expect(unchecked('pool-not-initialized')).toBe('pool-missing')
  expect(unchecked('store-too-new')).toBe('pool-unreadable')
  expect(unchecked('permission-denied')).toBe('pool-unreadable')
  expect(unchecked('permission-denied', true)).toBe('pool-closed')
})

test('the whole diagnosis: in order, and without what a pool of simulated GPUs does not need', () => {
  const sound = { code: 'pool-sound', path: '/p', gpus: 1, reservations: 0, waiting: 0, records: 0 } as const
  const service = { code: 'service-unused' } as const
  expect(codes(diagnosis([service, sound, { code: 'nodes-absent' }]))).toEqual([
    'nodes-absent',
    'pool-sound',
    'service-unused',
  ])
  const simulated = diagnosis([
    { code: 'driver-missing' },
    { code: 'nodes-absent' },
    { ...sound, provider: 'fake' },
  ])
  expect(codes(simulated)).toEqual(['gpus-simulated', 'pool-sound'])
  const shown = { code: 'gpus-shown', provider: 'nvml', models: [] } as const
  expect(codes(diagnosis([{ code: 'nodes-absent' }, shown]))).toEqual(['gpus-shown'])
})

test('a check that does not end is a failure, one that could not be made is unknown', () => {
  const unfinished = { code: 'unfinished', check: 'disk', seconds: 15 } as const
  expect([checkOf(unfinished), levelOf(unfinished)]).toEqual(['disk', 'failure'])
  expect(levelOf({ code: 'unexamined', check: 'disk', reason: 'w' })).toBe('unknown')
})

test('a notice board: what it has of this host, and its clock', () => {
  const facts = { server: 'board:6379', host: 'gpu1', isServed: false, clockAhead: 0, age: 60_000 }
  const found = (more: object) => codes(boardFindings({ ...facts, sinceCommit: 3_600_000, ...more }))
  expect(found({})).toEqual(['board-current'])
  expect(found({ sinceCommit: undefined })).toEqual(['board-reached'])
  expect(found({ age: undefined })).toEqual(['board-lacks-host'])
  // The last change is not on the board, or will be in a moment.
  expect(found({ sinceCommit: 30_000 })).toEqual(['board-behind'])
  expect(found({ sinceCommit: 400 })).toEqual(['board-current'])
  expect(found({ sinceCommit: Number.POSITIVE_INFINITY })).toEqual(['board-current'])
  // A daemon publishes without a change too.
  expect(found({ isServed: true })).toEqual(['board-behind'])
  expect(found({ isServed: true, age: 15_000 })).toEqual(['board-current'])
  expect(found({ clockAhead: -86_400_000 })).toEqual(['board-current', 'board-clock'])
})
