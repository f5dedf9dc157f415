import type { Booked } from './booked.ts'
import { type Command, sizeOf } from './command.ts'
import type { Drain } from './drains.ts'
import type { HistoryRow } from './evidence.ts'
import type { Rules } from './rules.ts'
import { by, type Violation } from './violation.ts'

export interface BookingEvidence {
  readonly commands: readonly Command[]
  readonly history: readonly HistoryRow[]
  readonly booked: readonly Booked[]
  readonly drains: readonly Drain[]
  readonly rules: Rules
  readonly gpus: number
  readonly drift: number
  readonly administrator: number
  /** Time after which a booking that nobody uses is released. */
  readonly unusedAfter: number
}

/** A booking whose answer is unknown ends within this time, ms. */
const UNKNOWN_ENDS_WITHIN_MS = 20_000

/**
 * An accepted booking begins at its time on the GPUs that it asked for, ends at its end or when it is released, and
 * delays are only those that the GPUs themselves cause.
 */
export function checkBookings(evidence: BookingEvidence): readonly Violation[] {
  const check = new BookingCheck(evidence)
  return evidence.booked
    .flatMap((each) => [...check.rows(each), ...check.unused(each), ...check.overtaken(each)])
    .map(by('bookings'))
}

class BookingCheck {
  readonly #evidence: BookingEvidence
  /** The times of transactions that certainly had a reading, sorted. */
  readonly #readings: readonly number[]
  /** Rows of runs and manual reservations. */
  readonly #grants: readonly HistoryRow[]

  constructor(evidence: BookingEvidence) {
    this.#evidence = evidence
    this.#readings = evidence.history.map(({ started_at }) => started_at).sort((a, b) => a - b)
    this.#grants = evidence.history.filter(({ kind }) => kind !== 'booking')
  }

  /** One row for each GPU, from its begin to its end. */
  rows({ command, accepted, cancelled }: Booked): readonly string[] {
    const { id, request, rows } = command
    if (rows.length === 0) return []
    const wrong: string[] = []
    const gpus = rows.map(({ gpu }) => gpu).sort((a, b) => a - b)
    const fits =
      typeof request.gpus === 'number' ? gpus.length === request.gpus : String(gpus) === String(request.gpus)
    if (!fits || new Set(gpus).size !== gpus.length) wrong.push(`with GPUs ${gpus}, not ${request.gpus}`)
    if (cancelled.at.steady < Number.POSITIVE_INFINITY)
      wrong.push(`after it was cancelled at ${cancelled.at.wall}`)
    for (const row of rows) {
      if (row.uid !== request.uid || row.user !== request.user || row.kind !== 'booking')
        wrong.push(`not as a booking of ${request.user}`)
      if (accepted === undefined) continue
      if (row.reservation !== accepted.id) wrong.push(`not as ${accepted.id}`)
      if (row.started_at < accepted.from) wrong.push(`before ${accepted.from}`)
      if (row.ended_at > accepted.until) wrong.push(`until after ${accepted.until}`)
      if (row.outcome === 'expired' && row.ended_at !== accepted.until)
        wrong.push(`not until ${accepted.until}`)
    }
    wrong.push(...rows.flatMap((row) => this.#wrongEnd(command, row)))
    return wrong.map((why) => `${id} (${request.argv.join(' ')}) was held ${why}: ${JSON.stringify(rows)}`)
  }

  #wrongEnd(command: Command, row: HistoryRow): readonly string[] {
    const { unusedAfter, drift } = this.#evidence
    switch (row.outcome) {
      case 'expired':
        return []
      case 'unused':
        return row.ended_at - row.started_at >= unusedAfter ? [] : [`unused for less than ${unusedAfter} ms`]
      case 'released': {
        const cause = this.#evidence.commands.find(
          ({ from, to, request }) =>
            this.#mayRelease(request, command) &&
            from.wall - drift <= row.ended_at &&
            row.ended_at <= to.wall + drift,
        )
        return cause === undefined ? ['and released by no command'] : []
      }
      default:
        return [`and ended as ${row.outcome}`]
    }
  }

  #mayRelease({ verb, uid, booking }: Command['request'], holder: Command): boolean {
    if (verb === 'release') return uid === holder.request.uid
    if (verb !== 'cancel' || booking !== holder.rows[0]?.reservation) return false
    return uid === holder.request.uid || uid === this.#evidence.administrator
  }

  /** A transaction with a reading ends a booking that has been unused for long enough. No GPU is used in a round. */
  unused({ command }: Booked): readonly string[] {
    return command.rows.flatMap(({ gpu, started_at, ended_at }) => {
      const since = started_at + this.#evidence.unusedAfter
      const missed = this.#readings.find((at) => since <= at && at < ended_at)
      if (missed === undefined) return []
      return [
        `${command.id} had GPU ${gpu} unused since ${started_at} until ${ended_at}, in spite of a reading at ${missed}`,
      ]
    })
  }

  /**
   * From its time on, a booking begins in the first transaction with a reading in which enough GPUs are free. So nobody
   * is granted GPUs while enough are free for it and for all other bookings.
   */
  overtaken(booked: Booked): readonly string[] {
    const { command, accepted, begun, cancelled } = booked
    if (accepted === undefined) return []
    const end = Math.min(
      accepted.until,
      begun ?? Number.POSITIVE_INFINITY,
      cancelled.notBefore.wall - this.#evidence.drift,
    )
    const size = sizeOf(command.request)
    const granted = this.#grants.find(
      ({ started_at: at }) =>
        accepted.from <= at &&
        at < end &&
        this.#freeFor(booked, at) >= size &&
        !this.#mayBeOverItsLimit(command, at),
    )
    if (granted === undefined) return []
    return [
      `${command.id} (${command.request.argv.join(' ')}), booked from ${accepted.from}, ${begun === undefined ? 'never began' : `began at ${begun}`}; ${granted.note} got GPU ${granted.gpu} at ${granted.started_at}, when enough were free`,
    ]
  }

  /** The GPUs that were free for it before a grant at this time, less those that other bookings may have needed. */
  #freeFor(booked: Booked, at: number): number {
    const { gpus, history, drains } = this.#evidence
    const { gpus: asked } = booked.command.request
    const suitable = Array.isArray(asked) ? asked : Array.from({ length: gpus }, (_, gpu) => gpu)
    const isHeld = (gpu: number) =>
      history.some((row) => row.gpu === gpu && row.started_at < at && row.ended_at > at)
    const isDrained = (gpu: number) =>
      drains.some((each) => each.gpu === gpu && each.from <= at && at <= each.to)
    const free = suitable.filter((gpu) => !isHeld(gpu) && !isDrained(gpu)).length
    // No other booking gets the GPUs of one that names them.
    if (Array.isArray(asked)) return free
    const others = this.#evidence.booked.filter((other) => other !== booked && mayNeedGpus(other, at))
    return others.reduce((left, { command }) => left - sizeOf(command.request), free)
  }

  /** A booking waits if an earlier reservation of its account, which should have ended, would exceed the limit with it. */
  #mayBeOverItsLimit({ request, from }: Command, at: number): boolean {
    const { history, rules } = this.#evidence
    if (!rules.wasLimited('max-gpus', request.uid, { from: from.wall, to: at })) return false
    return history.some((row) => row.uid === request.uid && row.started_at < at && row.ended_at > at)
  }
}

function mayNeedGpus({ command, accepted, begun, cancelled }: Booked, at: number): boolean {
  if (command.from.wall > at || cancelled.at.wall < at || (begun ?? at) < at) return false
  return at < (accepted?.until ?? command.to.wall + UNKNOWN_ENDS_WITHIN_MS)
}

interface CancelDocument {
  readonly released: readonly number[]
  readonly cancelled?: object
  readonly ended?: string
}

/** A release by id cancels or ends what is the account's own, and says that there is nothing only if that is true. */
export function checkCancels(evidence: BookingEvidence): readonly Violation[] {
  const byId = new Map(evidence.booked.map((each) => [each.accepted?.id ?? '', each]))
  return evidence.commands
    .flatMap((cancel) => {
      const { request, end, id, from, to } = cancel
      const booked = byId.get(request.booking ?? '')
      if (request.verb !== 'cancel' || end === undefined || booked === undefined) return []
      const { uid, user } = booked.command.request
      const isAllowed = request.uid === uid || request.uid === evidence.administrator
      const answer: CancelDocument = end.status === 0 ? JSON.parse(end.stdout) : { released: [] }
      const hasEffect = answer.released.length > 0 || answer.cancelled !== undefined
      if (!isAllowed && hasEffect) return [`${id} of ${request.user} released the booking of ${user}`]
      // After an outage, the answer to the repeated request is that the booking has ended.
      if (!isAllowed || (end.status !== 1 && answer.ended === undefined)) return []
      const until = existsUntil(booked)
      if (until <= to.wall + evidence.drift) return []
      return [`${id} at ${from.wall} did not find booking ${request.booking}, which existed until ${until}`]
    })
    .map(by('bookings'))
}

/** It certainly existed before this time: it is booked until it begins, and then held. */
function existsUntil({ command, accepted, cancelled }: Booked): number {
  return command.rows[0]?.ended_at ?? Math.min(cancelled.notBefore.wall, accepted?.until ?? 0)
}

/** How many accepted bookings began, and how many neither began nor were cancelled. */
export function bookingCounts(booked: readonly Booked[]): {
  readonly begun: number
  readonly unbegun: number
} {
  const accepted = booked.filter((each) => each.accepted !== undefined)
  const kept = accepted.filter(({ begun }) => begun !== undefined).length
  const unbegun = accepted.filter(
    ({ begun, cancelled }) => begun === undefined && cancelled.notBefore.steady === Number.POSITIVE_INFINITY,
  ).length
  return { begun: kept, unbegun }
}
