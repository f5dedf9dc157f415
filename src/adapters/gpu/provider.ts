import type { Millis, Probe, ProviderName } from '../../domain/pool/model.ts'
import type { GpuProvider } from '../../ports/driver.ts'
import type { Environment, RunProgram } from './run-program.ts'

export interface ProviderOptions {
  /** The number of GPUs of the pool; the fake provider simulates that many. */
  readonly gpuCount: number
  /** Scenario of the fake provider. */
  readonly fakeScenarioFile?: string | undefined
  /** For finding and starting the driver's programs. */
  readonly env: Environment
  /** Present to record what the programs answer. */
  readonly run?: RunProgram
}

/** The provider of this name. Loads and runs nothing before the first probe. */
export function openProvider(name: ProviderName, options: ProviderOptions): GpuProvider {
  return {
    async probe(deadlineMs: Millis): Promise<Probe> {
      const provider = await load(name, options)
      return provider.probe(deadlineMs)
    },
  }
}

/** `openProvider` for a process that probes often: it keeps NVML open between probes, until `close`. */
export function openKeptProvider(name: ProviderName, options: ProviderOptions): GpuProvider & Closable {
  let loaded: Promise<GpuProvider & Partial<Closable>> | undefined
  return {
    async probe(deadlineMs: Millis): Promise<Probe> {
      loaded ??= name === 'nvml' ? loadKeptNvml(options) : load(name, options)
      return (await loaded).probe(deadlineMs)
    },
    close: () => void loaded?.then((provider) => provider.close?.()),
  }
}

interface Closable {
  close(): void
}

async function loadKeptNvml({ env }: ProviderOptions): Promise<GpuProvider & Closable> {
  return (await import('./nvidia/nvml-kept-open.ts')).keptOpenNvmlProvider(env)
}

async function load(
  name: ProviderName,
  { env, gpuCount, fakeScenarioFile, run }: ProviderOptions,
): Promise<GpuProvider> {
  switch (name) {
    case 'nvml':
      return (await import('./nvidia/nvml.ts')).nvmlProvider(env, run)
    case 'nvidia-smi':
      return (await import('./nvidia/nvidia-smi.ts')).nvidiaSmiProvider(env, run)
    case 'amd-smi':
      return (await import('./amd/amd-smi.ts')).amdSmiProvider(env, run)
    case 'fake':
      return (await import('./fake/fake.ts')).fakeProvider({ gpuCount, scenarioFile: fakeScenarioFile })
  }
}
