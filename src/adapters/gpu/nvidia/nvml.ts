import { CanhazgpuError } from '../../../domain/errors.ts'
import type { Millis, Probe } from '../../../domain/pool/model.ts'
import type { GpuProvider } from '../../../ports/driver.ts'
import { isRoot, onlyRootCanChange } from '../../files/ownership.ts'
import { selfCommand } from '../../process/self.ts'
import { withinDeadline } from '../deadline.ts'
import { driverFailed, failureText } from '../driver-errors.ts'
import { hostMemoryMb } from '../host-memory.ts'
import { withProcessDetails } from '../process-details.ts'
import { judged } from '../reading.ts'
import { type Environment, runProgram } from '../run-program.ts'
import { isAnswer, type NvmlAnswer, parseAnswer, STANDARD_LIBRARY } from './nvml-answer.ts'

/**
 * The NVIDIA driver through its management library, `libnvidia-ml.so.1`. The environment variable
 * `CANHAZGPU_NVML_LIBRARY` (an absolute path) names another file, for drivers in unusual places.
 */
export function nvmlProvider(env: Environment): GpuProvider {
  return {
    probe: (deadlineMs: Millis): Promise<Probe> =>
      withinDeadline(deadlineMs, 'The NVIDIA driver (NVML)', async (signal) => {
        const [answer, hostMb] = await Promise.all([ask(env, signal), hostMemoryMb()])
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
      }),
  }
}

async function ask(env: Environment, signal: AbortSignal): Promise<NvmlAnswer> {
  const library = env.CANHAZGPU_NVML_LIBRARY || STANDARD_LIBRARY
  if (library !== STANDARD_LIBRARY && isRoot() && !onlyRootCanChange(library)) {
    throw driverFailed(
      'NVML',
      'as root, canhazgpu loads no library that another user can change (CANHAZGPU_NVML_LIBRARY)',
    )
  }
  const output = await runProgram(selfCommand(['__probe', 'nvml', library]), { env, signal, isAnswer })
  if (output.signal !== null) throw driverFailed('NVML', `crashed (${output.signal})`)
  if (output.exitCode !== 0) throw driverFailed('NVML', failureText(output))
  return parseAnswer(output.stdout)
}
