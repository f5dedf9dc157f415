import type { CheckResult } from './check/checker.ts'
import type { Evidence } from './check/evidence.ts'
import type { DaemonFault, Phase, Verb } from './log.ts'

/** What a round did, in numbers. */
export interface Tally {
  readonly commands: Readonly<Partial<Record<Verb, number>>>
  /** Number of commands that were in the queue. */
  readonly waited: number
  readonly granted: number
  /** By the phase of the killed command; supervisors count separately. */
  readonly killed: Readonly<Partial<Record<Phase, number>>>
  readonly stopped: number
  readonly daemon: Readonly<Partial<Record<DaemonFault | 'listens', number>>>
  readonly seconds: number
}

export function tallyOf({ entries, history }: Evidence): Tally {
  const started = entries.filter((entry) => entry.event === 'started')
  const printed = entries.filter((entry) => entry.event === 'printed')
  const signalled = entries.filter((entry) => entry.event === 'signalled')
  const waiters = printed.filter(({ line }) => line.startsWith('{"waiting"')).map(({ command }) => command)
  const from = entries.at(0)?.at.steady ?? 0
  const to = entries.at(-1)?.at.steady ?? 0
  return {
    commands: countBy(started, ({ request }) => request.verb),
    waited: new Set(waiters).size,
    granted: new Set(history.map(({ reservation }) => reservation)).size,
    killed: countBy(
      signalled.filter(({ signal }) => signal === 'SIGKILL'),
      ({ phase }) => phase,
    ),
    stopped: signalled.filter(({ signal }) => signal === 'SIGSTOP').length,
    daemon: countBy(
      entries.filter((entry) => entry.event === 'daemon'),
      ({ what }) => what,
    ),
    seconds: (to - from) / 1000,
  }
}

const VERBS: readonly Verb[] = [
  ...(['run', 'reserve', 'release', 'status', 'queue', 'report'] as const),
  ...(['book', 'cancel', 'drain', 'policy'] as const),
]

const KILLED_IN: readonly (readonly [Phase, string])[] = [
  ['transaction', 'in mid-transaction'],
  ['starting', 'starting'],
  ['waiting', 'waiting'],
  ['running', 'running commands'],
  ['supervisor', 'supervisors'],
]

/** The tally and the result in one line. */
export function summary(
  { commands, waited, granted, killed, stopped, daemon, seconds }: Tally,
  result: CheckResult,
): string {
  const { violations, holds, records, reads, chances, begun, unbegun } = result
  const verdict =
    violations.length === 0
      ? `ok: ${records} records, ${holds} holds, ${reads} reads and ${chances} chances to overtake checked`
      : `${violations.length} violations`
  return [
    `${Math.round(seconds)} s: ${VERBS.map((verb) => `${commands[verb] ?? 0} ${verb}`).join(', ')}`,
    `${waited} waited, ${granted} granted`,
    `kill -9: ${KILLED_IN.map(([phase, words]) => `${killed[phase] ?? 0} ${words}`).join(', ')}`,
    `${stopped} stopped`,
    ...(daemon.listens === undefined ? [] : [`daemon: ${wordsOf(daemon)}`]),
    `${begun} bookings begun, ${unbegun} not`,
    verdict,
  ].join('; ')
}

const DAEMON_FAULTS: readonly (readonly [DaemonFault, string])[] = [
  ['killed', 'killed'],
  ['killed-in-transaction', 'killed in mid-transaction'],
  ['stopped', 'stopped'],
  ['replaced', 'replaced'],
]

const wordsOf = (daemon: Tally['daemon']): string =>
  DAEMON_FAULTS.map(([fault, words]) => `${daemon[fault] ?? 0} ${words}`).join(', ')

function countBy<Each, Key extends string>(
  all: readonly Each[],
  keyOf: (each: Each) => Key,
): Partial<Record<Key, number>> {
  const counts: Partial<Record<Key, number>> = {}
  for (const each of all) counts[keyOf(each)] = (counts[keyOf(each)] ?? 0) + 1
  return counts
}
