import type { Ask, Entry, JobEntry, Stamp } from '../log.ts'
import type { Evidence, HistoryRow } from './evidence.ts'

type Of<Event extends Entry['event']> = Extract<Entry, { event: Event }>

/** One command, with all that is known of it. */
export interface Command {
  readonly id: string
  readonly ask: Ask
  /** It was not there before. */
  readonly from: Stamp
  /** It was not there any more after this; for ever, where its end was not seen. */
  readonly to: Stamp
  readonly end: Of<'ended'> | undefined
  readonly said: readonly Of<'said'>[]
  /** Those sent to itself, not to its supervisor. */
  readonly signals: readonly Of<'signalled'>[]
  readonly job: readonly JobEntry[]
  /** What the history says of it. */
  readonly rows: readonly HistoryRow[]
}

/** What is told of a grant, on stdout by `reserve`, on stderr by `run`. */
export interface GrantDocument {
  readonly reservation: string
  readonly gpus: readonly number[]
  readonly started_at: string
  readonly expiry_time?: string
}

export const NEVER: Stamp = { steady: Number.POSITIVE_INFINITY, wall: Number.POSITIVE_INFINITY }

/** In the order in which they began. */
export function commandsOf({ entries, jobs, history }: Evidence): readonly Command[] {
  const ends = byCommand(entries.filter((entry) => entry.event === 'ended'))
  const said = byCommand(entries.filter((entry) => entry.event === 'said'))
  const signals = byCommand(entries.filter((entry) => entry.event === 'signalled'))
  const rows = Map.groupBy(history, (row) => row.note ?? '')
  return entries
    .filter((entry) => entry.event === 'asked')
    .map(({ command: id, ask, at }) => {
      const end = ends.get(id)?.[0]
      return {
        id,
        ask,
        from: at,
        to: end?.at ?? NEVER,
        end,
        said: said.get(id) ?? [],
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

/** Between a signal in the logs and a decision in the history, on a machine under load. */
const SIGNAL_SLACK_MS = 1_000

/** Whether it may have been stopped at that time. */
export function isStoppedAt({ signals }: Command, wall: number): boolean {
  const stops = signals.filter(({ signal }) => signal === 'SIGSTOP' || signal === 'SIGCONT')
  return stops.some(({ signal, at }, nth) => {
    const until = stops[nth + 1]?.at.wall ?? Number.POSITIVE_INFINITY
    return signal === 'SIGSTOP' && at.wall - SIGNAL_SLACK_MS <= wall && wall <= until + SIGNAL_SLACK_MS
  })
}

/** Since when, at the latest, it stood in line. */
export const waitedAt = (command: Pick<Command, 'said'>): Stamp | undefined =>
  command.said.find(({ line }) => line.startsWith('{"waiting"'))?.at

export const tookAt = (command: Command): JobEntry | undefined =>
  command.job.find(({ event }) => event === 'took')

export const gpusOf = (entry: JobEntry): readonly number[] => entry.gpus.split(',').map(Number)

/** What a successful `reserve` said that it got. */
export function reserved({ ask, end }: Command): GrantDocument | undefined {
  return ask.verb === 'reserve' && end?.status === 0 ? JSON.parse(end.stdout) : undefined
}

/** The last moment at which the job surely lived. One with a time limit may be killed by its supervisor. */
export function lastAlive(command: Command): Stamp | undefined {
  const last = command.job.at(-1)
  const kill = command.signals.find(({ signal }) => signal === 'SIGKILL')
  if (last === undefined || last.event === 'gave' || command.ask.holds !== undefined) return last?.at
  return kill === undefined || kill.at.steady < last.at.steady ? last.at : kill.at
}

/** What a look showed; undefined where it was killed. */
export function shown<Document>({ end }: Command): Document | undefined {
  return end?.status === 0 ? JSON.parse(end.stdout) : undefined
}

export const isLook = ({ ask }: Command, verb: Ask['verb']): boolean =>
  ask.verb === verb && ask.argv.includes('--json')

function byCommand<Each extends { command: string }>(entries: readonly Each[]): Map<string, Each[]> {
  return Map.groupBy(entries, ({ command }) => command)
}
