import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nvmlProvider } from '../../../../src/adapters/gpu/nvidia/nvml.ts'
import type { GpuReading } from '../../../../src/domain/pool/model.ts'
import { needing } from '../../../support/needs.ts'
import { failure } from '../provider-contract.ts'
import { nvmlEnvironment } from '../simulated-drivers.ts'

const MIB = 1024 * 1024
const UNUSED_PID = 4_194_305

type Provider = ReturnType<typeof nvmlProvider>

let suite: string
beforeAll(async () => {
  suite = await mkdtemp(join(tmpdir(), 'canhazgpu-nvml-'))
})
afterAll(() => rm(suite, { recursive: true, force: true }))

async function simulate<T>(
  script: string,
  variant: string | undefined,
  use: (provider: Provider) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(suite, 'machine-'))
  return use(nvmlProvider(await nvmlEnvironment(script, folder, variant)))
}

async function read(lines: readonly string[], variant?: string): Promise<readonly GpuReading[]> {
  const script = ['gpu 0 uuid GPU-0', 'gpu 0 name Test', `gpu 0 total ${81559 * MIB}`, ...lines, ''].join(
    '\n',
  )
  return simulate(script, variant, async (provider) => (await provider.probe(20_000)).readings)
}

function processes(readings: readonly GpuReading[]) {
  const state = readings[0]?.state
  return state?.kind === 'measured' ? state.processes.map(({ pid, memoryMb }) => [pid, memoryMb]) : undefined
}

needing('gcc').describe('NVML', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => [UNUSED_PID + i, 10 + i] as const)

  for (const variant of ['NEW_DRIVER', 'OLD_DRIVER', 'WIDE_PROCESS']) {
    test(`reads a list of processes longer than expected (${variant})`, async () => {
      const listed = hundred.map(([pid, mb]) => `process 0 compute ${pid} ${mb * MIB}`)
      expect(processes(await read(listed, variant))).toEqual(hundred.map(([pid, mb]) => [pid, mb]))
    })

    test(`reads two processes, one without memory (${variant})`, async () => {
      const listed = [`process 0 compute ${UNUSED_PID} -1`, `process 0 graphics ${UNUSED_PID + 1} ${5 * MIB}`]
      expect(processes(await read(listed, variant))).toEqual([
        [UNUSED_PID, undefined],
        [UNUSED_PID + 1, 5],
      ])
    })
  }

  test('does not count memory that the driver reserves for itself', async () => {
    const used = [`gpu 0 used ${45 * MIB}`, `gpu 0 reserved ${600 * MIB}`]
    expect((await read(used))[0]?.state).toMatchObject({ memoryUsedMb: 45, memoryTotalMb: 81559 })
  })

  test('uses the older memory reading if the driver has no other', async () => {
    const used = [`gpu 0 used ${45 * MIB}`, `gpu 0 reserved ${600 * MIB}`]
    expect((await read(used, 'OLD_DRIVER'))[0]?.state).toMatchObject({ memoryUsedMb: 645 })
  })

  test('counts a process that computes and draws once', async () => {
    const twice = ['compute', 'graphics'].map((kind) => `process 0 ${kind} ${UNUSED_PID} ${700 * MIB}`)
    expect(processes(await read(twice))).toEqual([[UNUSED_PID, 700]])
  })

  test('adds up the memory of a process in several MIG instances', async () => {
    const instances = [1, 2].map((instance) => `process 0 compute ${UNUSED_PID} ${700 * MIB} ${instance}`)
    expect(processes(await read(['gpu 0 mig 1', ...instances]))).toEqual([[UNUSED_PID, 1400]])
  })

  test('works without a reading that fails', async () => {
    const failing = [
      'util 3',
      'util-error 6',
      'temp-error 3',
      'power-error 4',
      'processes-error 4',
      'uuid-error 3',
    ]
    const [gpu] = await read(failing.map((fact) => `gpu 0 ${fact}`))
    expect(gpu).toEqual({
      index: 0,
      uuid: '',
      name: 'Test',
      state: { kind: 'measured', memoryUsedMb: 0, memoryTotalMb: 81559, processes: [] },
    })
  })

  test.each([
    'uuid-error 999',
    'util-error 999',
    'temp-error 15',
    'power-error 15',
    'processes-error 16',
    'memory-error 999',
    'memory-error 4',
    'handle-error 999',
    'fields-error 16',
    'fields-error 999',
  ])('reports %p as a fault of the GPU', async (fact) => {
    const [gpu] = await read([`gpu 0 ${fact}`])
    expect(gpu?.state).toEqual({
      kind: 'fault',
      reason: expect.stringMatching(
        /(GPU is lost|GPU requires reset|Unknown Error|Insufficient Permissions)$/,
      ),
    })
  })

  test.each([
    [1, 'GPU reset'],
    [2, 'reboot'],
    [4, 'drain and GPU reset'],
    [77, 'action 77'],
  ])('reports the recovery action %p as a fault of the GPU', async (action, words) => {
    const [gpu] = await read([`gpu 0 recovery ${action}`])
    expect(gpu?.state).toEqual({ kind: 'fault', reason: expect.stringContaining(words) })
  })

  test('has no recovery action with an old driver', async () => {
    const [gpu] = await read(['gpu 0 recovery 1'], 'OLD_DRIVER')
    expect(gpu?.state.kind).toBe('measured')
  })

  test('finds the clients of an MPS server, and marks programs that only draw', async () => {
    const [gpu] = await read([
      `process 0 compute ${UNUSED_PID} ${30 * MIB}`,
      `process 0 mps ${UNUSED_PID + 1} ${900 * MIB}`,
      `process 0 graphics ${UNUSED_PID + 2} ${18 * MIB}`,
    ])
    const shown = gpu?.state.kind === 'measured' ? gpu.state.processes : []
    expect(shown.map(({ pid, memoryMb, graphics }) => [pid - UNUSED_PID, memoryMb, graphics])).toEqual([
      [0, 30, undefined],
      [1, 900, undefined],
      [2, 18, true],
    ])
  })

  test('ignores output of the library', async () => {
    expect(await read(['print'])).toHaveLength(1)
  })

  test('reports that the driver is not loaded', async () => {
    const error = await simulate('init 9\n', undefined, (provider) => failure(Promise.resolve(provider)))
    expect(error).toMatchObject({ code: 'driver-failed', message: 'NVML: Driver Not Loaded' })
    expect(error.hint).toContain('modprobe')
  })

  test('distinguishes a broken library from a missing one', async () => {
    const library = join(suite, 'libnvidia-ml.so.1')
    await writeFile(library, 'not ELF')
    const broken = nvmlProvider({ ...process.env, CANHAZGPU_NVML_LIBRARY: library })
    const error = await failure(Promise.resolve(broken))
    expect(error).toMatchObject({ code: 'driver-failed', message: expect.stringContaining('file too short') })
  })
})
