import { CanhazgpuError } from '../../../domain/errors.ts'
import type { Millis, Probe } from '../../../domain/pool/model.ts'
import type { GpuProvider } from '../../../ports/driver.ts'
import { isRoot, onlyRootCanChange } from '../../files/ownership.ts'
import { selfCommand } from '../../process/self.ts'
import { withinDeadline } from '../deadline.ts'
import { driverFailed } from '../driver-errors.ts'
import { DRIVER_NAMES } from '../driver-names.ts'
import { hostMemoryMb } from '../host-memory.ts'
import { withProcessDetails } from '../process-details.ts'
import { judged } from '../reading.ts'
import { type Environment, type RunProgram, runProgram } from '../run-program.ts'
import { answerOf, isAnswer, type NvmlAnswer, STANDARD_LIBRARY } from './nvml-answer.ts'

/**
 * The NVIDIA driver through its management library, `libnvidia-ml.so.1`. The environment variable
 * `CANHAZGPU_NVML_LIBRARY` (an absolute path) names another file, for drivers in unusual places.
 */
export function nvmlProvider(env: Environment, run: RunProgram = runProgram): GpuProvider {
  return { probe: (deadlineMs) => probeWithin(deadlineMs, (signal) => ask(env, run, signal)) }
}

async function ask(env: Environment, run: RunProgram, signal: AbortSignal): Promise<NvmlAnswer> {
  const command = selfCommand(['__probe', 'nvml', libraryOf(env)])
  return answerOf(await run(command, { env, signal, isAnswer }))
}

/** The probe with the answer that `ask` gets from a child. */
export function probeWithin(
  deadlineMs: Millis,
  ask: (signal: AbortSignal) => Promise<NvmlAnswer>,
): Promise<Probe> {
  return withinDeadline(deadlineMs, DRIVER_NAMES.nvml, async (signal) => {
    const [answer, hostMb] = await Promise.all([ask(signal), hostMemoryMb()])
    if (answer.kind === 'missing') {
      throw new CanhazgpuError(
        'driver-missing',
        `The NVIDIA driver library was not found: ${answer.reason}`,
        {
          hint: 'Install the NVIDIA driver, or name the library in CANHAZGPU_NVML_LIBRARY.',
        },
      )
    }
    if (answer.kind === 'failed') throw driverFailed('NVML', answer.reason)
    if (answer.gpus.length === 0) throw driverFailed('NVML', 'the NVIDIA driver reports no GPU')
    return { provider: 'nvml', readings: await withProcessDetails(judged(answer.gpus, hostMb)) }
  })
}

/** The file name of the library. Throws `driver-failed` if it is not safe to load. */
export function libraryOf(env: Environment): string {
  const library = env.CANHAZGPU_NVML_LIBRARY || STANDARD_LIBRARY
  if (library !== STANDARD_LIBRARY && isRoot() && !onlyRootCanChange(library)) {
    throw driverFailed(
      'NVML',
      'as root, canhazgpu loads no library that another user can change (CANHAZGPU_NVML_LIBRARY)',
    )
  }
  return library
}
