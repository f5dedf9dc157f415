import type { GpuProcess, GpuReading } from '../../domain/pool/model.ts'
import { parentCommands } from './parent-commands.ts'
import { commandLineOf, statusTextOf } from './process-files.ts'
import { type JudgedGpu, known, type ReportedProcess } from './reading.ts'

type UserNames = (uids: Iterable<number>) => Promise<ReadonlyMap<number, string>>

export interface ProcessDetails {
  readonly uid?: number | undefined
  readonly comm?: string | undefined
  readonly argv?: readonly string[] | undefined
  readonly parents?: readonly string[] | undefined
}

const MAX_COMMAND_LENGTH = 4096

/**
 * Adds owner, name and command line of each process from `/proc/<pid>`. Details that cannot be read (process gone,
 * `hidepid`) are absent; the name is then the driver's, or `unknown`. The driver reports pids of the first pid namespace.
 * In any other pid namespace they may be the pids of other processes, so there all details are absent.
 *
 * @param userNames names of uids; by default those of this machine, within a deadline
 */
export async function withProcessDetails(
  gpus: readonly JudgedGpu[],
  userNames?: UserNames,
): Promise<GpuReading[]> {
  const pids = new Set(gpus.flatMap((gpu) => processesOf(gpu).map((process) => process.pid)))
  // Without processes the modules for names need not be loaded.
  if (pids.size === 0) return gpus as GpuReading[]
  const { canReadProcessOwners } = await import('../kernel/processes.ts')
  const lookedUp = canReadProcessOwners() ? [...pids] : []
  const details = new Map(
    await Promise.all(lookedUp.map(async (pid) => [pid, await readDetails(pid)] as const)),
  )
  const uids = [...details.values()].map(({ uid }) => uid).filter((uid) => uid !== undefined)
  const namesOf = userNames ?? (await import('../accounts/users.ts')).userNames
  const names = uids.length === 0 ? NO_NAMES : await namesOf(uids)
  return gpus.map((gpu) => {
    if (gpu.state.kind === 'fault') return { ...gpu, state: gpu.state }
    const processes = gpu.state.processes.map((process) =>
      described(process, details.get(process.pid) ?? {}, names),
    )
    return { ...gpu, state: { ...gpu.state, processes } }
  })
}

function processesOf(gpu: JudgedGpu): readonly ReportedProcess[] {
  return gpu.state.kind === 'fault' ? [] : gpu.state.processes
}

const NO_NAMES: ReadonlyMap<number, string> = new Map()

function described(
  process: ReportedProcess,
  details: ProcessDetails,
  names: ReadonlyMap<number, string>,
): GpuProcess {
  const { uid, comm, argv, parents = [] } = details
  const command = argv === undefined ? '' : argv.join(' ').trim().slice(0, MAX_COMMAND_LENGTH)
  return {
    name: programName(argv?.[0]) ?? comm ?? programName(process.name) ?? 'unknown',
    pid: process.pid,
    ...known({
      uid,
      user: uid === undefined ? undefined : names.get(uid),
      memoryMb: process.memoryMb,
      graphics: process.graphics,
      command: command === '' ? undefined : command,
      parents: parents.length === 0 ? undefined : parents.map((each) => each.slice(0, MAX_COMMAND_LENGTH)),
    }),
  }
}

/** The program's file name; undefined if it contains spaces, because then the process has set its own title. */
function programName(argv0: string | undefined): string | undefined {
  if (argv0 === undefined || argv0 === '' || /\s/.test(argv0)) return undefined
  return argv0.slice(argv0.lastIndexOf('/') + 1) || undefined
}

async function readDetails(pid: number): Promise<ProcessDetails> {
  const [status, argv] = await Promise.all([statusTextOf(pid), commandLineOf(pid)])
  if (status === undefined) return {}
  const { uid, ...details } = detailsIn(status, argv)
  const parents = await parentCommands(argv?.join(' ') ?? '', status)
  return { ...details, parents, uid: uid === undefined ? undefined : await ownerOf(uid) }
}

/** `/proc` reports uids of our own user namespace. */
async function ownerOf(uid: number): Promise<number | undefined> {
  const { outerUid } = await import('../accounts/user-namespace.ts')
  return outerUid(uid)
}

/** From `/proc/<pid>/status` and, if it could be read, `/proc/<pid>/cmdline`. */
export function detailsIn(status: string, argv: readonly string[] | undefined): ProcessDetails {
  // proc_pid_status(5): "Uid: real effective saved filesystem". The owner of the folder may differ: it is root if the
  // process may not dump core.
  const uid = /^Uid:\t\d+\t(\d+)/m.exec(status)?.[1]
  return {
    uid: uid === undefined ? undefined : Number(uid),
    comm: /^Name:\t(.+)$/m.exec(status)?.[1],
    argv,
  }
}
