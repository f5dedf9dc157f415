import { CanhazgpuError } from '../../domain/errors.ts'
import type { Millis, Probe } from '../../domain/model.ts'
import type { GpuProvider } from '../../domain/ports.ts'
import { withinDeadline } from './deadline.ts'
import { complaint, driverFailed } from './driver-words.ts'
import {
  APP_FIELDS,
  GPU_FIELDS,
  hasMigInstances,
  isUnknownField,
  MINIMAL_GPU_FIELDS,
  parseApps,
  parseGpus,
  parseMigParents,
} from './nvidia-smi-output.ts'
import { withProcessDetails } from './process-details.ts'
import type { ReportedGpu } from './reading.ts'
import { type Environment, type ProgramOutput, runProgram } from './run-program.ts'

type Ask = (...args: readonly string[]) => Promise<ProgramOutput>

const FORMAT = '--format=csv,noheader,nounits'

/** The NVIDIA driver through its program `nvidia-smi`, found on the `PATH` of `env`. */
export function nvidiaSmiProvider(env: Environment): GpuProvider {
  return {
    probe: (deadlineMs: Millis): Promise<Probe> =>
      withinDeadline(deadlineMs, 'nvidia-smi', async (signal) => {
        const program = Bun.which('nvidia-smi', { PATH: env.PATH ?? '' })
        if (program === null) {
          throw new CanhazgpuError('driver-missing', 'The program nvidia-smi was not found on PATH', {
            hint: 'Install the NVIDIA driver, which brings nvidia-smi.',
          })
        }
        const ask: Ask = (...args) => runProgram([program, ...args], { env, signal })
        const [gpus, apps] = await Promise.all([
          askGpus(ask),
          ask(`--query-compute-apps=${APP_FIELDS.join(',')}`, FORMAT),
        ])
        return { provider: 'nvidia-smi', readings: await withProcessDetails(await withApps(gpus, apps, ask)) }
      }),
  }
}

async function askGpus(ask: Ask): Promise<ReportedGpu[]> {
  let fields: Parameters<typeof parseGpus>[1] = GPU_FIELDS
  const query = () => ask(`--query-gpu=${fields.join(',')}`, FORMAT)
  let output = await query()
  if (isUnknownField(output.stdout + output.stderr)) {
    fields = MINIMAL_GPU_FIELDS
    output = await query()
  }
  // A lost GPU makes it fail although it has told of the others; so does a corrupted infoROM.
  const gpus = output.exitCode === 0 || hasRows(output) ? parseGpus(said(output), fields) : []
  if (gpus.length === 0) throw driverFailed('nvidia-smi', complaint(output))
  return gpus
}

async function withApps(gpus: readonly ReportedGpu[], apps: ProgramOutput, ask: Ask): Promise<ReportedGpu[]> {
  // Where the first query was answered and this one is not, the memory alone has to tell of use.
  const list = apps.exitCode === 0 ? apps.stdout : ''
  const migParents = hasMigInstances(list) ? parseMigParents((await ask('-L')).stdout) : new Map()
  const processes = parseApps(list, migParents)
  return gpus.map((gpu) =>
    gpu.state.kind === 'fault'
      ? gpu
      : { ...gpu, state: { ...gpu.state, processes: processes.get(gpu.uuid) ?? [] } },
  )
}

function hasRows(output: ProgramOutput): boolean {
  return /^[ \t]*\d+[ \t]*,/m.test(output.stdout)
}

/** Complaints of lost GPUs may be on either channel; other remarks on stderr are no part of the answer. */
function said(output: ProgramOutput): string {
  const complaints = output.stderr
    .split('\n')
    .filter((line) => line.startsWith('Unable to determine the device'))
  return [output.stdout, ...complaints].join('\n')
}
