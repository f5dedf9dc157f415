import type { Entry } from '../log.ts'
import { type Command, INTERRUPTED, jobStart, refusal, timedOutAtStart, wasKilled } from './command.ts'
import type { Evidence } from './evidence.ts'
import { isDocumentedLack, lackedDaemon, missedGrant, type Outage, outagesIn } from './outages.ts'
import type { Rules } from './rules.ts'
import { by, type Violation } from './violation.ts'

/** `past`: the command waited for a daemon. */
const BOOKING_REFUSALS = ['unbookable', 'promised', 'past']

const NOT_NOW = 75

/** Every command ended with the right status, and left no reservation, queue entry or supervisor. */
export function checkEnds(
  commands: readonly Command[],
  evidence: Evidence,
  rules: Rules,
): readonly Violation[] {
  const { pool, integrity } = evidence
  return [
    ...commands.flatMap(wrongEnd(outagesIn(evidence.entries), rules)).map(by('ends')),
    ...commands.flatMap(interruptedTwice).map(by('ends')),
    ...evidence.entries.flatMap(stillRunning),
    ...[...pool.reservations, ...pool.queue, ...(pool.bookings ?? [])].map((each) => ({
      rule: 'gone' as const,
      message: `the pool was left with ${JSON.stringify(each)}`,
    })),
    ...(integrity === 'ok'
      ? []
      : [{ rule: 'ends' as const, message: `the database is damaged: ${integrity}` }]),
  ]
}

function stillRunning(entry: Entry): readonly Violation[] {
  if (entry.event === 'stuck') return [by('ends')(`these commands did not end: ${entry.commands.join(', ')}`)]
  if (entry.event === 'remained') return [by('gone')(`processes ${entry.pids.join(', ')} did not exit`)]
  return []
}

const wrongEnd =
  (outages: readonly Outage[], rules: Rules) =>
  (command: Command): readonly string[] => {
    const { id, request, end, printed } = command
    if (end === undefined || wasKilled(command)) return []
    const status = end.status ?? end.signal
    if (isRight(command, status, outages) || isRefusedByRule(command, rules)) return []
    return [`${id} (${request.argv.join(' ')}) ended with ${status}: ${printed.at(-1)?.line ?? ''}`]
  }

function isRight(command: Command, status: number | string | null, outages: readonly Outage[]): boolean {
  if (status === NOT_NOW && missedGrant(command, outages)) return true
  if (lackedDaemon(command)) return status === NOT_NOW && isDocumentedLack(command, outages)
  return expectedEnds(command).includes(status)
}

/** A change has the time of its decision. Others see it after its commit, which may wait for the lock. */
const COMMITTED_WITHIN_MS = 2_000

/** A rule that was in force meanwhile refuses the request. */
function isRefusedByRule(command: Command, rules: Rules): boolean {
  const { request, from, to } = command
  const refused = refusal(command)
  const span = { from: from.wall - COMMITTED_WITHIN_MS, to: to.wall }
  const isLimited = (key: string) => rules.wasLimited(key, request.uid, span)
  switch (refused?.code) {
    case 'over-limit':
      return isLimited(LIMITS[refused.limit ?? ''] ?? '')
    case 'bookings-off':
      return rules.inForce('bookings', request.uid, span).some((is) => is !== 1)
    default:
      return false
  }
}

/** The rule for each limit that a refusal names. */
const LIMITS: Readonly<Record<string, string>> = {
  gpus: 'max-gpus',
  duration: 'max-duration',
  account: 'max-waiting',
  bookings: 'max-waiting',
}

function expectedEnds(command: Command): readonly (number | string | null)[] {
  const { request, from, to, end } = command
  switch (request.verb) {
    case 'run':
      if (jobStart(command) !== undefined) return endsOfJob(command)
      if (timedOutAtStart(command)) return [INTERRUPTED, 'SIGKILL', 'SIGINT']
      break
    case 'reserve':
      if (command.end?.status === 0) return [0]
      break
    case 'release':
      return request.gpus !== undefined && namesForeignGpu(command) ? [0, 1] : [0]
    case 'book':
      return BOOKING_REFUSALS.includes(refusal(command)?.code ?? '') ? [end?.status ?? null] : [0]
    case 'cancel':
      return ['no-such-booking', 'forbidden'].includes(refusal(command)?.code ?? '') ? [1] : [0]
    case 'drain':
      return refusal(command)?.code === 'breaks-bookings' ? [NOT_NOW] : [0]
    default:
      return [0]
  }
  // A waiter without a limit is never refused.
  if (request.waitLimit === null) return []
  return to.steady - from.steady >= (request.waitLimit ?? 0) ? [NOT_NOW] : []
}

/** A time limit sends one SIGINT, even if the daemon is restarted meanwhile. */
function interruptedTwice({ id, job }: Command): readonly string[] {
  const interruptions = job.filter(({ event }) => event === 'interrupted')
  return interruptions.length < 2 ? [] : [`${id} got ${interruptions.length} SIGINTs`]
}

/** Another user held one of the GPUs that the release named. */
const namesForeignGpu = ({ printed }: Command): boolean =>
  printed.some(({ line }) => line.includes('"code":"not-yours"'))

/** The job's own status; with a time limit also the ends that the supervisor causes. */
function endsOfJob({ request, job }: Command): readonly (number | string | null)[] {
  const finished = job.find(({ event }) => event === 'finished')
  if (finished !== undefined)
    return request.holdLimit === undefined ? [finished.number] : [finished.number, 'SIGKILL']
  return request.holdLimit === undefined ? [] : [INTERRUPTED, 'SIGKILL', 'SIGINT']
}
