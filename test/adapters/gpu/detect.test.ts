import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { detectGpus } from '../../../src/adapters/gpu/detect.ts'
import type { Environment } from '../../../src/adapters/gpu/run-program.ts'
import { needing } from '../../support/needs.ts'
import { failure } from './provider-contract.ts'
import {
  amdSmiFiles,
  nvidiaSmiFiles,
  nvmlEnvironment,
  nvmlScript,
  programEnvironment,
} from './simulated-drivers.ts'
import { EIGHT_H100, MIXED, type SimulatedMachine } from './simulated-machine.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'canhazgpu-detect-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

interface Machine {
  readonly nvml?: SimulatedMachine
  readonly nvidiaSmi?: SimulatedMachine
  readonly amdSmi?: SimulatedMachine
}

/** Installs only the drivers given. */
async function machine({ nvml, nvidiaSmi, amdSmi }: Machine): Promise<Environment> {
  const place = await mkdtemp(join(folder, 'machine-'))
  let env: Environment = { CANHAZGPU_NVML_LIBRARY: join(place, 'none.so.1'), PATH: place }
  if (nvidiaSmi !== undefined) {
    const { PATH } = await programEnvironment(
      'nvidia-smi',
      nvidiaSmiFiles(nvidiaSmi),
      await sub(place, 'nvidia'),
    )
    env = { ...env, PATH: `${PATH}:${env.PATH}` }
  }
  if (amdSmi !== undefined) {
    const { PATH } = await programEnvironment('amd-smi', amdSmiFiles(amdSmi), await sub(place, 'amd'))
    env = { ...env, PATH: `${PATH}:${env.PATH}` }
  }
  if (nvml === undefined) return env
  const { STANDIN_NVML, CANHAZGPU_NVML_LIBRARY } = await nvmlEnvironment(
    nvmlScript(nvml),
    await sub(place, 'nvml'),
  )
  return { ...env, STANDIN_NVML, CANHAZGPU_NVML_LIBRARY }
}

const sub = (place: string, name: string) => mkdtemp(join(place, name))
const detect = async (installed: Machine) => detectGpus(20_000, await machine(installed))
const fail = async (installed: Machine, deadlineMs?: number) => {
  const env = await machine(installed)
  return failure(Promise.resolve({ probe: (ms) => detectGpus(ms, env) }), deadlineMs)
}

describe('detection', () => {
  needing('gcc').test('prefers NVML to all others', async () => {
    const probe = await detect({ nvml: MIXED, nvidiaSmi: EIGHT_H100, amdSmi: EIGHT_H100 })
    expect(probe.provider).toBe('nvml')
    expect(probe.readings).toHaveLength(2)
  })

  test('uses nvidia-smi without NVML', async () => {
    expect((await detect({ nvidiaSmi: EIGHT_H100, amdSmi: EIGHT_H100 })).provider).toBe('nvidia-smi')
  })

  needing('gcc').test('uses amd-smi if there is no NVIDIA GPU', async () => {
    const none: SimulatedMachine = { gpus: [] }
    expect((await detect({ nvml: none, nvidiaSmi: none, amdSmi: EIGHT_H100 })).provider).toBe('amd-smi')
  })

  needing('gcc').test('uses nvidia-smi if NVML crashes', async () => {
    const crashing: SimulatedMachine = { ...EIGHT_H100, behaviour: 'crashes' }
    expect((await detect({ nvml: crashing, nvidiaSmi: EIGHT_H100 })).provider).toBe('nvidia-smi')
  })

  needing('gcc').test('reports why an installed driver cannot be read', async () => {
    const error = await fail({ nvml: { ...EIGHT_H100, behaviour: 'mismatch' } })
    expect(error.code).toBe('driver-failed')
    expect(error.message).toContain('Driver/library version mismatch')
    expect(error.hint).toContain('reboot')
  })

  test('stops at a driver that hangs', async () => {
    const error = await fail({ nvidiaSmi: { ...EIGHT_H100, behaviour: 'hangs' }, amdSmi: EIGHT_H100 }, 500)
    expect(error.code).toBe('driver-unresponsive')
  })

  needing('gcc').test('uses only the providers of the named vendor', async () => {
    const both = { nvml: MIXED, nvidiaSmi: EIGHT_H100, amdSmi: EIGHT_H100 }
    const ask = async (installed: Machine, vendor: 'nvidia' | 'amd') =>
      detectGpus(20_000, await machine(installed), vendor)
    expect((await ask(both, 'nvidia')).provider).toBe('nvml')
    expect((await ask({ nvidiaSmi: EIGHT_H100, amdSmi: EIGHT_H100 }, 'nvidia')).provider).toBe('nvidia-smi')
    expect((await ask(both, 'amd')).provider).toBe('amd-smi')
    expect(
      await failure(Promise.resolve({ probe: () => ask({ nvidiaSmi: EIGHT_H100 }, 'amd') })),
    ).toMatchObject({
      code: 'driver-missing',
      message: expect.stringContaining('amd-smi'),
    })
  })

  test('reports what it searched for if there is no driver', async () => {
    const error = await fail({})
    expect(error.code).toBe('driver-missing')
    expect(error.message).toContain('libnvidia-ml.so.1')
    expect(error.hint).toContain('fake')
  })
})
