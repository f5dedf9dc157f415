import { CanhazgpuError } from '../../../domain/errors.ts'
import type { Millis, Probe } from '../../../domain/pool/model.ts'
import type { GpuProvider } from '../../../ports/driver.ts'
import { withinDeadline } from '../deadline.ts'
import { driverFailed, failureText } from '../driver-errors.ts'
import { DRIVER_NAMES } from '../driver-names.ts'
import { firstLine } from '../driver-text.ts'
import { hostMemoryMb } from '../host-memory.ts'
import { withProcessDetails } from '../process-details.ts'
import { judged, type ReportedGpu } from '../reading.ts'
import { type Environment, type ProgramOutput, type RunProgram, runProgram } from '../run-program.ts'
import {
  APP_FIELDS,
  GPU_FIELDS,
  type GpuField,
  hasMigInstances,
  knownFields,
  parseApps,
  parseGpus,
  parseMigParents,
  rowsOfApps,
} from './nvidia-smi-output.ts'

type Ask = (...args: readonly string[]) => Promise<ProgramOutput>

const FORMAT = '--format=csv,noheader,nounits'

/** The NVIDIA driver through its program `nvidia-smi`, found on the `PATH` of `env`. */
export function nvidiaSmiProvider(env: Environment, run: RunProgram = runProgram): GpuProvider {
  return {
    probe: (deadlineMs: Millis): Promise<Probe> =>
      withinDeadline(deadlineMs, DRIVER_NAMES['nvidia-smi'], async (signal) => {
        const program = Bun.which('nvidia-smi', { PATH: env.PATH ?? '' })
        if (program === null) {
          throw new CanhazgpuError('driver-missing', 'The program nvidia-smi was not found on PATH', {
            hint: 'Install the NVIDIA driver, which brings nvidia-smi.',
          })
        }
        const ask: Ask = (...args) => run([program, ...args], { env, signal })
        const [gpus, apps, hostMb] = await Promise.all([
          askGpus(ask),
          ask(`--query-compute-apps=${APP_FIELDS.join(',')}`, FORMAT),
          hostMemoryMb(),
        ])
        const reported = await withApps(gpus, apps, ask)
        return { provider: 'nvidia-smi', readings: await withProcessDetails(judged(reported, hostMb)) }
      }),
  }
}

async function askGpus(ask: Ask): Promise<ReportedGpu[]> {
  let fields: readonly GpuField[] = GPU_FIELDS
  const query = () => ask(`--query-gpu=${fields.join(',')}`, FORMAT)
  let output = await query()
  // Each error names one field. The last query has only the fields that every driver knows.
  for (let rest = fewerFields(output, fields); rest !== undefined; rest = fewerFields(output, fields)) {
    fields = rest
    output = await query()
  }
  // A lost GPU or a corrupted infoROM makes the program fail after it has reported the other GPUs.
  const gpus = output.exitCode === 0 || hasRows(output) ? parseGpus(outputOf(output), fields) : []
  if (gpus.length === 0) throw driverFailed('nvidia-smi', failureText(output))
  return gpus
}

/** The fields to query next if the driver rejected one of these; undefined if it rejected none. */
function fewerFields(output: ProgramOutput, fields: readonly GpuField[]): readonly GpuField[] | undefined {
  const known = knownFields(output.stdout + output.stderr, fields)
  return known !== undefined && known.length < fields.length ? known : undefined
}

async function withApps(
  gpus: readonly ReportedGpu[],
  output: ProgramOutput,
  ask: Ask,
): Promise<ReportedGpu[]> {
  // A lost GPU makes the program fail although it lists the processes of the others.
  const list = output.exitCode === 0 ? output.stdout : rowsOfApps(output.stdout)
  const migParents = hasMigInstances(list) ? parseMigParents((await ask('-L')).stdout) : new Map()
  const apps = parseApps(list, migParents)
  // Processes of an instance that '-L' does not list, or of a card without a UUID, run on one of these GPUs.
  const stray = [...apps.processes.keys()].find((uuid) => !gpus.some((gpu) => gpu.uuid === uuid))
  const isComplete = output.exitCode === 0 && apps.answered && stray === undefined
  return gpus.map((gpu) => {
    if (gpu.state.kind === 'fault') return gpu
    if (stray !== undefined && (gpu.uuid === '' || gpu.state.mig === true)) {
      const reason = `it may have the processes of ${firstLine(stray)}, which nvidia-smi does not list as a GPU`
      return { ...gpu, state: { kind: 'fault', reason } }
    }
    if (gpu.uuid === '') return gpu
    const reason = apps.complaints.get(gpu.uuid)
    if (reason !== undefined) return { ...gpu, state: { kind: 'fault', reason } }
    const processes = apps.processes.get(gpu.uuid) ?? (isComplete ? [] : undefined)
    return processes === undefined ? gpu : { ...gpu, state: { ...gpu.state, processes } }
  })
}

function hasRows(output: ProgramOutput): boolean {
  return /^[ \t]*\d+[ \t]*,/m.test(output.stdout)
}

/** Complaints about lost GPUs may be on stdout or stderr. Other messages on stderr are not part of the answer. */
function outputOf(output: ProgramOutput): string {
  const complaints = output.stderr
    .split('\n')
    .filter((line) => line.startsWith('Unable to determine the device'))
  return [output.stdout, ...complaints].join('\n')
}
