import { CanhazgpuError } from '../../../domain/errors.ts'
import type { Millis, Probe } from '../../../domain/pool/model.ts'
import type { GpuProvider } from '../../../ports/driver.ts'
import { withinDeadline } from '../deadline.ts'
import { driverFailed, failureText } from '../driver-errors.ts'
import { DRIVER_NAMES } from '../driver-names.ts'
import { hostMemoryMb } from '../host-memory.ts'
import { withProcessDetails } from '../process-details.ts'
import { judged } from '../reading.ts'
import { type Environment, type ProgramOutput, type RunProgram, runProgram } from '../run-program.ts'
import type { Entry } from './amd-documents.ts'
import { type AmdSmiOutput, errorOf, parseAmdSmi, singleEntry, unexplainedGpus } from './amd-smi-output.ts'

type Ask = (...args: readonly string[]) => Promise<ProgramOutput>

/** ROCm installs it here; its packages do not add it to the `PATH`. */
const ROCM_FOLDER = '/opt/rocm/bin'

/** The AMD driver through the program `amd-smi` of ROCm 6 or later, on the `PATH` or in `/opt/rocm/bin`. */
export function amdSmiProvider(env: Environment, run: RunProgram = runProgram): GpuProvider {
  return {
    probe: (deadlineMs: Millis): Promise<Probe> =>
      withinDeadline(deadlineMs, DRIVER_NAMES['amd-smi'], async (signal) => {
        const program = Bun.which('amd-smi', { PATH: `${env.PATH ?? ''}:${ROCM_FOLDER}` })
        if (program === null) {
          throw new CanhazgpuError('driver-missing', 'The program amd-smi was not found on PATH', {
            hint: 'Install the AMD driver and amd-smi (part of ROCm).',
          })
        }
        const ask: Ask = (...args) => run([program, ...args, '--json'], { env, signal })
        // In parallel, because each command takes most of a second to start Python.
        const [list, asic, metric, process, hostMb] = await Promise.all([
          askList(ask),
          ask('static', '--asic').then(answered),
          ask('metric', '--mem-usage', '--usage', '--temperature', '--power').then(answered),
          ask('process'),
          hostMemoryMb(),
        ])
        const output = { list, asic, metric, ...(isAnswered(process) ? { process: process.stdout } : {}) }
        const gpus = parseAmdSmi(await withSingleAnswers(output, ask))
        if (gpus.length === 0)
          throw driverFailed('amd-smi', missingGroups(list) ?? 'the AMD driver reports no GPU')
        return { provider: 'amd-smi', readings: await withProcessDetails(judged(gpus, hostMb)) }
      }),
  }
}

/** `-e` adds the HIP index; tools before ROCm 6.4 reject it. */
async function askList(ask: Ask): Promise<string> {
  const enumeration = await ask('list', '-e')
  return enumeration.exitCode === 0 ? enumeration.stdout : answered(await ask('list'))
}

/** Queries single GPUs again if the list of all processes does not explain the memory in use. */
async function withSingleAnswers(output: AmdSmiOutput, ask: Ask): Promise<AmdSmiOutput> {
  const gpus = output.process === undefined ? [] : unexplainedGpus(output)
  if (gpus.length === 0) return output
  const answers = await Promise.all(
    gpus.map(async (gpu) => [gpu, singleAnswer(await ask('process', '--gpu', String(gpu)), gpu)] as const),
  )
  const single = new Map(
    answers.flatMap(([gpu, entry]) => (entry === undefined ? [] : [[gpu, entry] as const])),
  )
  return { ...output, single }
}

/** Undefined if amd-smi cannot answer for this GPU alone; then its answer for all GPUs counts. */
function singleAnswer(output: ProgramOutput, gpu: number): Entry | undefined {
  if (!isAnswered(output)) return undefined
  try {
    return singleEntry(output.stdout, gpu)
  } catch (error) {
    if (error instanceof CanhazgpuError) return undefined
    throw error
  }
}

function answered(output: ProgramOutput): string {
  if (isAnswered(output)) return output.stdout
  const reason = missingGroups(output.stdout) ?? errorOf(output.stdout) ?? failureText(output)
  throw driverFailed('amd-smi', reason)
}

/** amd-smi prints this before every answer. If there is no answer, it is the likely cause. */
const missingGroups = (stdout: string): string | undefined =>
  /User is missing the following required groups: [\w, -]+/.exec(stdout)?.[0]

/** amd-smi also fails if it could read only some GPUs. Then its answer has these GPUs. */
function isAnswered({ exitCode, stdout }: ProgramOutput): boolean {
  return exitCode === 0 || /"gpu"\s*:/.test(stdout)
}
