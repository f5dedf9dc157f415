import type { CommandRequest, Entry, JobEntry, Stamp } from '../log.ts'
import type { Evidence, HistoryRow } from './evidence.ts'

type Of<Event extends Entry['event']> = Extract<Entry, { event: Event }>

/** One command, and all evidence about it. */
export interface Command {
  readonly id: string
  readonly request: CommandRequest
  /** The process did not exist before. */
  readonly from: Stamp
  /** The process did not exist after this; `NEVER` if its end was not seen. */
  readonly to: Stamp
  readonly end: Of<'ended'> | undefined
  readonly printed: readonly Of<'printed'>[]
  /** Without the signals to its supervisor. */
  readonly signals: readonly Of<'signalled'>[]
  readonly job: readonly JobEntry[]
  /** Its rows in the history. */
  readonly rows: readonly HistoryRow[]
}

/** The JSON of a grant, on stdout of `reserve`, on stderr of `run`. */
export interface GrantDocument {
  readonly reservation: string
  readonly gpus: readonly number[]
  readonly started_at: string
  readonly expiry_time?: string
}

export const NEVER: Stamp = { steady: Number.POSITIVE_INFINITY, wall: Number.POSITIVE_INFINITY }

/** In the order of their starts. */
export function commandsOf({ entries, jobs, history }: Evidence): readonly Command[] {
  const ends = byCommand(entries.filter((entry) => entry.event === 'ended'))
  const printed = byCommand(entries.filter((entry) => entry.event === 'printed'))
  const signals = byCommand(entries.filter((entry) => entry.event === 'signalled'))
  const rows = Map.groupBy(history, (row) => row.note ?? '')
  return entries
    .filter((entry) => entry.event === 'started')
    .map(({ command: id, request, at }) => {
      const end = ends.get(id)?.[0]
      return {
        id,
        request,
        from: at,
        to: end?.at ?? NEVER,
        end,
        printed: printed.get(id) ?? [],
        signals: (signals.get(id) ?? []).filter(({ phase }) => phase !== 'supervisor'),
        job: jobs.get(id) ?? [],
        rows: rows.get(id) ?? [],
      }
    })
    .sort((a, b) => a.from.steady - b.from.steady)
}

export const wasKilled = (command: Command): boolean =>
  command.signals.some(({ signal }) => signal === 'SIGKILL')

export const wasStopped = (command: Command): boolean =>
  command.signals.some(({ signal }) => signal === 'SIGSTOP')

export const sizeOf = ({ gpus }: CommandRequest): number =>
  typeof gpus === 'number' ? gpus : (gpus?.length ?? 0)

/** The reason for which the pool refused the command; undefined if it did not, or if it is not known. */
export function refusal({
  end,
  printed,
}: Command): { readonly code: string; readonly limit?: string } | undefined {
  const line = printed.at(-1)?.line
  if (end === undefined || end.status === null || end.status === 0 || !line?.startsWith('{"error"'))
    return undefined
  return JSON.parse(line).error.reason
}

/** On a loaded machine, a signal in the logs and a decision in the history may differ by this time. */
export const SIGNAL_SLACK_MS = 1_000

/** Whether the command may have been stopped at that time. */
export function isStoppedAt({ signals }: Command, wall: number): boolean {
  const stops = signals.filter(({ signal }) => signal === 'SIGSTOP' || signal === 'SIGCONT')
  return stops.some(({ signal, at }, nth) => {
    const until = stops[nth + 1]?.at.wall ?? Number.POSITIVE_INFINITY
    return signal === 'SIGSTOP' && at.wall - SIGNAL_SLACK_MS <= wall && wall <= until + SIGNAL_SLACK_MS
  })
}

/** The first moment at which the command certainly was in the queue. */
export const waitedAt = (command: Pick<Command, 'printed'>): Stamp | undefined =>
  command.printed.find(({ line }) => line.startsWith('{"waiting"'))?.at

export const jobStart = (command: Command): JobEntry | undefined =>
  command.job.find(({ event }) => event === 'started')

/** The exit status of a waiter that got SIGINT. The torture sends none, so it was that of a time limit. */
export const INTERRUPTED = 130

/** The first time limits that the torture sets send SIGINT after 1.6 s. */
const SHORTEST_LIMIT_MS = 1_500

/** On a loaded machine, the time limit of a run may pass before the job has written its first line. */
export const timedOutAtStart = (command: Command): boolean =>
  command.job.length === 0 &&
  command.rows.length > 0 &&
  command.rows.every((row) => row.outcome === 'timed-out' || isGivenBack(command, row))

/** The limit passed before the waiter was told of its grant. It knew nothing of a limit, and gave the grant back. */
export const isGivenBack = ({ end, job }: Command, row: HistoryRow): boolean =>
  row.outcome === 'released' &&
  job.length === 0 &&
  end?.status === INTERRUPTED &&
  row.ended_at - row.started_at >= SHORTEST_LIMIT_MS

export const gpusOf = (entry: JobEntry): readonly number[] => entry.gpus.split(',').map(Number)

/** The grant that a successful `reserve` printed. */
export function reserved({ request, end }: Command): GrantDocument | undefined {
  return request.verb === 'reserve' && end?.status === 0 ? JSON.parse(end.stdout) : undefined
}

/**
 * The last moment at which the job certainly ran. The supervisor may kill a job with a time limit, so only the lines of
 * the job count then.
 */
export function lastAlive(command: Command): Stamp | undefined {
  const last = command.job.at(-1)
  const kill = command.signals.find(({ signal }) => signal === 'SIGKILL')
  if (last === undefined || last.event === 'finished' || command.request.holdLimit !== undefined)
    return last?.at
  return kill === undefined || kill.at.steady < last.at.steady ? last.at : kill.at
}

/** The document that a read printed; undefined if it failed or was killed. */
export function shown<Document>({ end }: Command): Document | undefined {
  return end?.status === 0 ? JSON.parse(end.stdout) : undefined
}

export const isRead = ({ request }: Command, verb: CommandRequest['verb']): boolean =>
  request.verb === verb && request.argv.includes('--json')

function byCommand<Each extends { command: string }>(entries: readonly Each[]): Map<string, Each[]> {
  return Map.groupBy(entries, ({ command }) => command)
}
