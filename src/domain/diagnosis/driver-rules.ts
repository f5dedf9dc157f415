import type { ErrorCode } from '../errors.ts'
import { memoryOf } from '../observation/devices.ts'
import type { GpuReading, ProviderName } from '../pool/model.ts'
import type { Finding, Model } from './finding.ts'

/** The answer of one driver interface. */
export type DriverAnswer = { readonly provider: ProviderName } & (
  | { readonly kind: 'gpus'; readonly readings: readonly GpuReading[] }
  | { readonly kind: 'failed'; readonly error: ErrorCode; readonly reason: string; readonly hint?: string }
)

/** Absent: not installed, or not readable. */
export interface DriverVersions {
  readonly nvidiaModule?: string
  readonly nvidiaLibrary?: string
  readonly amdModule?: string
}

const VENDORS: readonly (readonly ProviderName[])[] = [['nvml', 'nvidia-smi'], ['amd-smi']]

export function driverFindings(
  answers: readonly DriverAnswer[],
  versions: DriverVersions,
): readonly Finding[] {
  const { nvidiaModule, nvidiaLibrary, amdModule } = versions
  const found = VENDORS.flatMap((providers) => {
    const own = answers.filter(({ provider }) => providers.includes(provider))
    return vendorFindings(own, providers.includes('nvml') ? nvidiaModule : amdModule)
  })
  // If NVML answers, the loader has found another library, which fits.
  const isLibraryUsed = !answers.some(({ provider, kind }) => provider === 'nvml' && kind === 'gpus')
  const areDifferent =
    isLibraryUsed &&
    nvidiaModule !== undefined &&
    nvidiaLibrary !== undefined &&
    nvidiaModule !== nvidiaLibrary
  const differ: readonly Finding[] = areDifferent
    ? [{ code: 'versions-differ', module: nvidiaModule, library: nvidiaLibrary }]
    : []
  if (found.length > 0 || differ.length > 0) return [...found, ...differ]
  const module = nvidiaModule ?? amdModule
  return [{ code: 'driver-missing', ...(module === undefined ? {} : { module }) }]
}

function vendorFindings(answers: readonly DriverAnswer[], version: string | undefined): readonly Finding[] {
  const shown = answers.find((answer) => answer.kind === 'gpus')
  const failures = answers.flatMap((answer): Finding[] => {
    if (answer.kind !== 'failed' || answer.error === 'driver-missing') return []
    const { provider, error, reason, hint } = answer
    const code = shown === undefined ? 'driver-failed' : 'driver-half-failed'
    return [{ code, provider, error, reason, ...(hint === undefined ? {} : { hint }) }]
  })
  if (shown === undefined) return failures
  const { provider, readings } = shown
  const faults = readings.flatMap(({ index, state }): Finding[] =>
    state.kind === 'fault' ? [{ code: 'gpu-faulty', gpu: index, reason: state.reason }] : [],
  )
  const known = version === undefined ? {} : { version }
  return [{ code: 'gpus-shown', provider, models: modelsOf(readings), ...known }, ...faults, ...failures]
}

function modelsOf(readings: readonly GpuReading[]): readonly Model[] {
  const models = new Map<string, Model>()
  for (const { name, state } of readings) {
    const memoryMb = memoryOf(state)
    const key = `${name}/${memoryMb}`
    const count = (models.get(key)?.count ?? 0) + 1
    models.set(key, { name, count, ...(memoryMb === undefined ? {} : { memoryMb }) })
  }
  return [...models.values()]
}

/** A device file that the driver needs, and whether this account may open it. */
export interface DeviceNode {
  readonly path: string
  readonly state: 'usable' | 'missing' | 'closed'
  readonly group: string
}

export interface Devices {
  /** Whether the kernel module of a GPU driver is loaded. */
  readonly isLoaded: boolean
  readonly nodes: readonly DeviceNode[]
}

const UVM = '/dev/nvidia-uvm'

export function deviceFindings({ isLoaded, nodes }: Devices): readonly Finding[] {
  if (!isLoaded) return [{ code: 'nodes-absent' }]
  const usable = nodes.filter(({ state }) => state === 'usable').map(({ path }) => path)
  const isGpu = (path: string) => /\/nvidia\d+$|\/renderD\d+$/.test(path)
  const problems = nodes.flatMap(({ path, state, group }): Finding[] => {
    if (state === 'closed') return [{ code: 'node-closed', path, group }]
    // A container may have some of the GPUs. The first program that uses CUDA creates the other file.
    const areOthers = (isGpu(path) || path === UVM) && usable.some(isGpu)
    return state === 'missing' ? [{ code: 'node-missing', path, areOthers }] : []
  })
  return problems.length > 0 ? problems : [{ code: 'nodes-usable', nodes: usable }]
}

/** The persistence mode of each NVIDIA GPU as nvidia-smi prints it, or why it is not known. */
export function persistenceFindings(
  modes: readonly string[] | { readonly reason: string },
): readonly Finding[] {
  if ('reason' in modes) return [{ code: 'persistence-unknown', reason: modes.reason }]
  const off = modes.flatMap((mode, gpu) => (mode === 'Disabled' ? [gpu] : []))
  if (off.length > 0) return [{ code: 'persistence-off', gpus: off }]
  const isOn = modes.length > 0 && modes.every((mode) => mode === 'Enabled')
  return isOn
    ? [{ code: 'persistence-on', gpus: modes.length }]
    : [{ code: 'persistence-unknown', reason: `nvidia-smi printed '${modes[0] ?? ''}'` }]
}
