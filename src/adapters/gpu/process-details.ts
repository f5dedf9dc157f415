import type { GpuProcess, GpuReading, Millis } from '../../domain/pool/model.ts'
import { type JudgedGpu, known, type ReportedProcess } from './reading.ts'

type UserNames = (uids: Iterable<number>) => Promise<ReadonlyMap<number, string>>

export interface ProcessDetails {
  readonly uid?: number | undefined
  readonly comm?: string | undefined
  readonly argv?: readonly string[] | undefined
}

// The kernel reads the command line out of the process's memory, under a lock that a process which hangs
// inside the driver may hold for ever; it is decoration, and not worth more than this.
const COMMAND_LINE_LIMIT_MS: Millis = 250
const MAX_COMMAND_LENGTH = 4096

/**
 * The same GPUs with owner, name and command line of each process, from `/proc/<pid>`. What cannot be seen
 * (process gone, `hidepid`) is absent; the name then is the driver's, or `unknown`. So is everything outside of the
 * first pid namespace: the driver names pids of that one, and here they may mean others.
 *
 * @param userNames names of uids; by default those of this machine, within a deadline
 */
export async function withProcessDetails(
  gpus: readonly JudgedGpu[],
  userNames?: UserNames,
): Promise<GpuReading[]> {
  const pids = new Set(gpus.flatMap((gpu) => processesOf(gpu).map((process) => process.pid)))
  // Nobody's processes, nobody's names: the user database then need not even be loaded.
  if (pids.size === 0) return gpus as GpuReading[]
  const { seesProcessOwners } = await import('../kernel/processes.ts')
  const lookedUp = seesProcessOwners() ? [...pids] : []
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
  const { uid, comm, argv } = details
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
    }),
  }
}

/** The program's file name. Not for a title with spaces: there a process has renamed itself. */
function programName(argv0: string | undefined): string | undefined {
  if (argv0 === undefined || argv0 === '' || /\s/.test(argv0)) return undefined
  return argv0.slice(argv0.lastIndexOf('/') + 1) || undefined
}

async function readDetails(pid: number): Promise<ProcessDetails> {
  const [status, commandLine] = await Promise.all([
    readText(`/proc/${pid}/status`),
    withinLimit(readText(`/proc/${pid}/cmdline`)),
  ])
  if (status === undefined) return {}
  const { uid, ...details } = detailsIn(status, commandLine)
  return { ...details, uid: uid === undefined ? undefined : await ownerOf(uid) }
}

/** `/proc` tells uids of our own user namespace. */
async function ownerOf(uid: number): Promise<number | undefined> {
  const { outerUid } = await import('../accounts/user-namespace.ts')
  return outerUid(uid)
}

/** From `/proc/<pid>/status` and, where it could be read, `/proc/<pid>/cmdline`. */
export function detailsIn(status: string, commandLine: string | undefined): ProcessDetails {
  // proc_pid_status(5): "Uid: real effective saved filesystem". The owner of the folder would say the same
  // but for processes that may not dump core, which belong to root there.
  const uid = /^Uid:\t\d+\t(\d+)/m.exec(status)?.[1]
  return {
    uid: uid === undefined ? undefined : Number(uid),
    comm: /^Name:\t(.+)$/m.exec(status)?.[1],
    argv: commandLine?.split('\0'),
  }
}

async function withinLimit<T>(reading: Promise<T>): Promise<T | undefined> {
  const limit = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => limit.resolve(undefined), COMMAND_LINE_LIMIT_MS)
  try {
    return await Promise.race([reading, limit.promise])
  } finally {
    clearTimeout(timer)
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await Bun.file(path).text()
  } catch {
    // Gone or hidden, which is an answer.
    return undefined
  }
}
