import {
  type Command,
  gpusOf,
  isGivenBack,
  isRead,
  jobStart,
  lastAlive,
  reserved,
  SIGNAL_SLACK_MS,
  sizeOf,
  timedOutAtStart,
  wasKilled,
} from './command.ts'
import type { HistoryRow } from './evidence.ts'
import { lackedDaemon, missedGrant, type Outage } from './outages.ts'
import { firstAtOrAfter } from './search.ts'
import { isReleasedBy } from './status.ts'
import { by, type Violation } from './violation.ts'

/**
 * The history has one row for each GPU of each grant in the logs, and no other row. Each row has the right holder,
 * start, end and outcome. A killed command may have a grant that it could not print, the answer of a killed daemon may be
 * lost, and a slow one may grant GPUs to a command that is about to give up.
 */
export function checkRecords(
  commands: readonly Command[],
  history: readonly HistoryRow[],
  { drift, outages }: { readonly drift: number; readonly outages: readonly Outage[] },
): readonly Violation[] {
  const records = new RecordCheck(commands, history, { drift, outages })
  const known = new Set(commands.map(({ id }) => id))
  const unknown = history.filter(({ note }) => !known.has(note ?? ''))
  return [
    ...unknown.map((row) => `the history has ${JSON.stringify(row)}, which no command requested`),
    ...commands
      // The rows of bookings are checked with them.
      .filter(({ request }) => request.verb !== 'book')
      .flatMap((command) => [
        ...records.granted(command),
        ...command.rows.flatMap((row) => records.row(command, row)),
        ...records.released(command),
      ]),
  ].map(by('records'))
}

class RecordCheck {
  readonly #drift: number
  readonly #outages: readonly Outage[]
  /** In the order of their starts. */
  readonly #reads: readonly Command[]
  readonly #releases: readonly Command[]
  readonly #rowsReleased: readonly HistoryRow[]
  /** The starts of transactions with a grant, sorted. */
  readonly #commits: readonly number[]

  constructor(
    commands: readonly Command[],
    history: readonly HistoryRow[],
    { drift, outages }: { readonly drift: number; readonly outages: readonly Outage[] },
  ) {
    this.#drift = drift
    this.#outages = outages
    this.#commits = history.map((row) => row.started_at).sort((a, b) => a - b)
    this.#reads = commands.filter((each) => isRead(each, 'status') && each.end?.status === 0)
    this.#releases = commands.filter(({ request }) => request.verb === 'release')
    this.#rowsReleased = history.filter(({ outcome }) => outcome === 'released')
  }

  /** One row for each granted GPU, and no other. */
  granted(command: Command): readonly string[] {
    const { id, rows, request } = command
    const [start, grant] = [jobStart(command), reserved(command)]
    const reservation = start?.reservation ?? grant?.reservation
    const gpus = grant?.gpus ?? (start === undefined ? undefined : gpusOf(start))
    if (gpus === undefined) {
      if (rows.length === 0 || (this.#mayBeUntold(command) && rows.length === sizeOf(request) && isOne(rows)))
        return []
      return [`the history has ${rows.length} GPUs for ${id}, which was granted none`]
    }
    const recorded = rows.map(({ gpu }) => gpu).sort((a, b) => a - b)
    if (String(recorded) === String(gpus) && rows.every((row) => row.reservation === reservation)) return []
    return [`${id} had GPU ${gpus} as ${reservation}, the history has ${describe(rows)}`]
  }

  #mayBeUntold(command: Command): boolean {
    const { rows, to } = command
    const granted = Math.max(...rows.map(({ started_at }) => started_at))
    const isBetween = (outage: Outage) =>
      granted <= outage.to.wall + this.#drift && outage.from.wall <= to.wall + this.#drift
    return (
      wasKilled(command) || timedOutAtStart(command) || lackedDaemon(command) || this.#outages.some(isBetween)
    )
  }

  row(command: Command, row: HistoryRow): readonly string[] {
    const { id, request } = command
    const kind = request.verb === 'run' ? 'run' : 'manual'
    const grant = reserved(command)
    const wrong: string[] = []
    if (row.uid !== request.uid || row.user !== request.user || row.kind !== kind)
      wrong.push(`not of ${request.user} by ${kind}`)
    if (grant !== undefined && Date.parse(grant.started_at) !== row.started_at)
      wrong.push(`not from ${grant.started_at}`)
    const startedBy = jobStart(command)?.at ?? command.to
    if (!this.#isWithin(row.started_at, command.from.wall, startedBy.wall + this.#performedLater(command))) {
      wrong.push(`not started between ${command.from.wall} and ${startedBy.wall}`)
    }
    wrong.push(...(kind === 'run' ? this.#endOfRun(command, row) : this.#endByHand(command, row)))
    return wrong.map((why) => `the history of ${id} is wrong, ${why}: ${JSON.stringify(row)}`)
  }

  /** The history has each GPU that a release printed. */
  released(command: Command): readonly string[] {
    const { id, request, end, from, to } = command
    if (request.verb !== 'release' || end?.status !== 0) return []
    const { released }: { released: readonly number[] } = JSON.parse(end.stdout)
    const own = this.#rowsReleased.filter(
      (row) => row.uid === request.uid && this.#isWithin(row.ended_at, from.wall, to.wall),
    )
    return released
      .filter((gpu) => !own.some((row) => row.gpu === gpu))
      .map((gpu) => `${id} released GPU ${gpu} at ${from.wall}, which is not in the history`)
  }

  /** The row ends not before the job, and no later than the first `status` that started after the process was gone. */
  #endOfRun(command: Command, row: HistoryRow): readonly string[] {
    const ended = isGivenBack(command, row) ? 'released' : 'exited'
    const outcomes = command.request.holdLimit === undefined ? [ended] : [ended, 'timed-out']
    const alive = lastAlive(command) ?? command.from
    const noticed = this.#reads.find(({ from }) => from.steady > command.to.steady)?.to.wall
    const meanwhile = this.#commitBetween(row.ended_at, alive.wall)
    return [
      ...(outcomes.includes(row.outcome) ? [] : [`not ${outcomes.join(' or ')}`]),
      ...(noticed === undefined || row.ended_at <= noticed + this.#drift
        ? []
        : [`ended later than ${noticed}`]),
      ...(meanwhile === undefined ? [] : [`ended before ${meanwhile}, and alive at ${alive.wall}`]),
    ]
  }

  /**
   * A transaction reads the clock when it starts, and checks the process a little later. So the recorded end may be
   * earlier than the real one. But transactions do not overlap: when the next one starts, the check is done.
   */
  #commitBetween(stamp: number, alive: number): number | undefined {
    const next = this.#commits[firstAtOrAfter(this.#commits, stamp + this.#drift + 1, (at) => at)]
    return next !== undefined && next + this.#drift < alive ? next : undefined
  }

  /** How long after its end a command may still take effect: a daemon performs what it has received. */
  #performedLater(command: Command): number {
    return this.#outages.length > 0 && wasKilled(command) ? SIGNAL_SLACK_MS : 0
  }

  /** A daemon ends a manual reservation whose client was killed, or lost its connection, before it had read the grant. */
  #isGivenBack(command: Command): boolean {
    if (this.#outages.length === 0 || reserved(command) !== undefined) return false
    return wasKilled(command) || missedGrant(command, this.#outages)
  }

  #endByHand(command: Command, row: HistoryRow): readonly string[] {
    const expiry = row.started_at + (command.request.holdLimit ?? 0)
    const inTime = this.#releases.find(
      (each) =>
        each.end?.status === 0 && isReleasedBy(each, command, row.gpu) && each.to.wall + this.#drift < expiry,
    )
    switch (row.outcome) {
      case 'expired':
        if (inTime !== undefined) return [`not expired: it was released by ${inTime.id} at ${inTime.to.wall}`]
        return row.ended_at === expiry ? [] : [`not expired at ${expiry}`]
      case 'released': {
        if (inTime !== undefined && row.ended_at > inTime.to.wall + this.#drift) {
          return [`not released so late, but by ${inTime.id} at ${inTime.to.wall}`]
        }
        const releases = this.#releases.filter(({ request }) => request.uid === row.uid)
        const cause = releases.find((each) =>
          this.#isWithin(row.ended_at, each.from.wall, each.to.wall + this.#performedLater(each)),
        )
        return cause === undefined && !this.#isGivenBack(command) ? ['no release at that time'] : []
      }
      default:
        return ['not expired or released']
    }
  }

  #isWithin(time: number, from: number, to: number): boolean {
    return from - this.#drift <= time && time <= to + this.#drift
  }
}

const isOne = (rows: readonly HistoryRow[]): boolean =>
  new Set(rows.map(({ reservation }) => reservation)).size === 1

const describe = (rows: readonly HistoryRow[]): string =>
  rows.length === 0
    ? 'nothing'
    : rows.map(({ gpu, reservation }) => `GPU ${gpu} as ${reservation}`).join(', ')
