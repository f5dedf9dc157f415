import { CanhazgpuError } from '../../domain/errors.ts'
import type { Millis, Probe } from '../../domain/model.ts'
import type { GpuProvider } from '../../domain/ports.ts'
import { errorOf, parseAmdSmi } from './amd-smi-output.ts'
import { withinDeadline } from './deadline.ts'
import { complaint, driverFailed } from './driver-words.ts'
import { withProcessDetails } from './process-details.ts'
import { type Environment, type ProgramOutput, runProgram } from './run-program.ts'

/** Where ROCm installs it; its packages do not put it on the `PATH`. */
const ROCM_FOLDER = '/opt/rocm/bin'

/** The AMD driver through the program `amd-smi` of ROCm 6 or later, on the `PATH` or in `/opt/rocm/bin`. */
export function amdSmiProvider(env: Environment): GpuProvider {
  return {
    probe: (deadlineMs: Millis): Promise<Probe> =>
      withinDeadline(deadlineMs, 'amd-smi', async (signal) => {
        const program = Bun.which('amd-smi', { PATH: `${env.PATH ?? ''}:${ROCM_FOLDER}` })
        if (program === null) {
          throw new CanhazgpuError('driver-missing', 'The program amd-smi was not found on PATH', {
            hint: 'Install the AMD driver and amd-smi (part of ROCm).',
          })
        }
        const ask = (...args: readonly string[]) => runProgram([program, ...args, '--json'], { env, signal })
        // At once: each takes a good part of a second, nearly all of it to start Python.
        const [list, asic, metric, process] = await Promise.all([
          askList(ask),
          ask('static', '--asic').then(answered),
          ask('metric', '--mem-usage', '--usage', '--temperature', '--power').then(answered),
          ask('process').then(answered),
        ])
        const gpus = parseAmdSmi({ list, asic, metric, process })
        if (gpus.length === 0) throw driverFailed('amd-smi', 'the AMD driver sees no GPU')
        return { provider: 'amd-smi', readings: await withProcessDetails(gpus) }
      }),
  }
}

/** `-e` adds the HIP index; tools before ROCm 6.4 do not know it. */
async function askList(ask: (...args: readonly string[]) => Promise<ProgramOutput>): Promise<string> {
  const enumeration = await ask('list', '-e')
  return enumeration.exitCode === 0 ? enumeration.stdout : answered(await ask('list'))
}

function answered(output: ProgramOutput): string {
  // It also fails where only some of the GPUs could be asked, and the answer has the others.
  if (output.exitCode === 0 || /"gpu"\s*:/.test(output.stdout)) return output.stdout
  throw driverFailed('amd-smi', errorOf(output.stdout) ?? complaint(output))
}
