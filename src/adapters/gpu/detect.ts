import { CanhazgpuError } from '../../domain/errors.ts'
import type { Millis, Probe, ProviderName } from '../../domain/pool/model.ts'
import { openProvider } from './provider.ts'
import type { Environment } from './run-program.ts'

/** NVML comes first: it is faster than nvidia-smi and reports more. */
const ORDER: readonly ProviderName[] = ['nvml', 'nvidia-smi', 'amd-smi']

const OF_VENDOR: Readonly<Record<'nvidia' | 'amd', readonly ProviderName[]>> = {
  nvidia: ['nvml', 'nvidia-smi'],
  amd: ['amd-smi'],
}

/**
 * The probe of the first provider that finds GPUs on this machine; its `provider` is that provider's name. Each
 * provider gets the whole deadline. A named vendor limits the choice to its providers.
 *
 * Throws `driver-missing` if no driver is installed, `driver-failed` with every driver's own reason if one is installed
 * but cannot be read, and `driver-unresponsive` at once if one hangs: the next provider would wait for the same kernel
 * module.
 */
export async function detectGpus(
  deadlineMs: Millis,
  env: Environment,
  vendor?: 'nvidia' | 'amd',
): Promise<Probe> {
  const failures: CanhazgpuError[] = []
  for (const name of vendor === undefined ? ORDER : OF_VENDOR[vendor]) {
    try {
      return await openProvider(name, { gpuCount: 0, env }).probe(deadlineMs)
    } catch (error) {
      if (!(error instanceof CanhazgpuError) || error.code === 'driver-unresponsive') throw error
      failures.push(error)
    }
  }
  throw explain(failures, vendor !== undefined)
}

function explain(failures: readonly CanhazgpuError[], isNamed: boolean): CanhazgpuError {
  const [first, ...others] = failures.filter((failure) => failure.code !== 'driver-missing')
  if (first === undefined) {
    const [missing] = failures
    if (isNamed && missing !== undefined) return missing
    return new CanhazgpuError(
      'driver-missing',
      'No GPU driver found: neither the library libnvidia-ml.so.1 nor the programs nvidia-smi and amd-smi',
      { hint: "install the driver of the GPUs, or use '--provider fake' to try canhazgpu without GPUs" },
    )
  }
  const reasons = [first, ...others].map((failure) => failure.message).join('; ')
  return new CanhazgpuError('driver-failed', `No GPU could be read - ${reasons}`, {
    ...(first.hint === undefined ? {} : { hint: first.hint }),
    cause: first,
  })
}
