import type { Obstacle } from '../observation/obstacles.ts'
import type { Millis, Pool, QueueEntry, Request, Reservation, UnitId } from '../pool/model.ts'
import type { StoppedCheck } from '../pool/process-check.ts'
import { unitsOf } from '../pool/units.ts'
import { knownEnd, sizeOf } from './line.ts'

/** When a waiting request is expected to start, by what is known now. */
export type Forecast =
  | { readonly kind: 'at'; readonly at: Millis; readonly after?: Reservation }
  /** It waits for a reservation without a known end, or for a GPU that cannot be used. */
  | { readonly kind: 'unknown'; readonly after?: Reservation; readonly obstacle?: Obstacle }
  /** Its process is stopped. */
  | { readonly kind: 'stopped' }

/** What is known besides the pool. */
export interface Outlook {
  /** When reservations without a known end are taken to end; never, if absent. */
  readonly unknownEnd?: Millis
  /** GPUs that cannot be used, nobody knows for how long. */
  readonly obstacles?: readonly Obstacle[]
  readonly stopped?: StoppedCheck
}

interface Slot {
  readonly unit: UnitId
  readonly freeAt: Millis
  readonly holder?: Reservation
  readonly obstacle?: Obstacle
}

interface Planned {
  readonly entry: QueueEntry
  readonly start: Millis
  /** The last of its GPUs to come free. */
  readonly last: Slot | undefined
}

/**
 * Plays the line forward: each request starts when enough of its GPUs are free by the known ends, and holds
 * them for its declared duration, or without end. Ends that come early only bring the line forward. One that is
 * stopped, or cannot start for GPUs that nobody can use, takes none.
 */
export function forecastLine(pool: Pool, now: Millis, outlook: Outlook = {}): ReadonlyMap<string, Forecast> {
  let slots = firstSlots(pool, now, outlook)
  const forecasts = new Map<string, Forecast>()
  const ahead: Planned[] = []
  for (const entry of pool.queue) {
    if (outlook.stopped?.(entry.process) === true) {
      forecasts.set(entry.id, { kind: 'stopped' })
      continue
    }
    const chosen = chosenSlots(slots, entry)
    const last = chosen.at(-1)
    if (last?.obstacle !== undefined && last.obstacle.kind !== 'unchecked') {
      forecasts.set(entry.id, { kind: 'unknown', obstacle: last.obstacle })
      continue
    }
    const planned = behind(ahead, { entry, start: last?.freeAt ?? now, last })
    ahead.push(planned)
    forecasts.set(entry.id, forecastAt(planned))
    const freeAt = planned.start + (entry.term.duration ?? Number.POSITIVE_INFINITY)
    const units = new Set(chosen.map((slot) => slot.unit))
    slots = slots.map((slot) => (units.has(slot.unit) ? { unit: slot.unit, freeAt } : slot))
  }
  return forecasts
}

/** Nobody starts before one further ahead who could use the same GPUs, but who gives them back in time. */
function behind(ahead: readonly Planned[], planned: Planned): Planned {
  const { request, term } = planned.entry
  const { duration = Number.POSITIVE_INFINITY } = term
  let { start, last } = planned
  for (const earlier of ahead) {
    const isBefore = start < earlier.start && start + duration > earlier.start
    if (isBefore && shareGpus(request, earlier.entry.request)) ({ start, last } = earlier)
  }
  return { entry: planned.entry, start, last }
}

function shareGpus(a: Request, b: Request): boolean {
  return a.kind === 'count' || b.kind === 'count' || a.ids.some((id) => b.ids.includes(id))
}

/**
 * Whether every waiting request is expected no later in `after` than in `before`, be it that reservations
 * without a known end last for ever or that they end at once.
 */
export function keepsPromises(before: Pool, after: Pool, now: Millis): boolean {
  return [Number.POSITIVE_INFINITY, now].every((unknownEnd) => {
    const promised = forecastLine(before, now, { unknownEnd })
    const then = forecastLine(after, now, { unknownEnd })
    return before.queue.every((entry) => startOf(then.get(entry.id)) <= startOf(promised.get(entry.id)))
  })
}

const startOf = (forecast: Forecast | undefined): Millis =>
  forecast?.kind === 'at' ? forecast.at : Number.POSITIVE_INFINITY

function forecastAt({ start, last: { holder, obstacle } = { unit: '', freeAt: 0 } }: Planned): Forecast {
  const after = holder === undefined ? {} : { after: holder }
  if (start !== Number.POSITIVE_INFINITY) return { kind: 'at', at: start, ...after }
  return obstacle === undefined ? { kind: 'unknown', ...after } : { kind: 'unknown', obstacle }
}

function firstSlots(pool: Pool, now: Millis, outlook: Outlook): readonly Slot[] {
  const { unknownEnd = Number.POSITIVE_INFINITY, obstacles = [] } = outlook
  const unusable = new Map(obstacles.map((obstacle) => [obstacle.unit, obstacle]))
  const holders = new Map(
    pool.reservations.flatMap((held) => unitsOf(held).map((unit) => [unit, held] as const)),
  )
  return pool.units.map(({ id }) => {
    const holder = holders.get(id)
    const obstacle = unusable.get(id)
    if (obstacle !== undefined) return { unit: id, freeAt: Number.POSITIVE_INFINITY, obstacle }
    if (holder === undefined) return { unit: id, freeAt: now }
    const end = knownEnd(holder)
    // A run that goes on after its time limit (its supervisor was killed) may go on for ever.
    const isKnown = now < end && end < Number.POSITIVE_INFINITY
    return { unit: id, freeAt: Math.max(now, isKnown ? end : unknownEnd), holder }
  })
}

/** The GPUs this request would get, the last one to come free last; those that cannot be used after all others. */
function chosenSlots(slots: readonly Slot[], { request }: QueueEntry): readonly Slot[] {
  const wanted = request.kind === 'ids' ? slots.filter((slot) => request.ids.includes(slot.unit)) : slots
  return wanted
    .toSorted((a, b) => (a.freeAt === b.freeAt ? rankOf(a) - rankOf(b) : a.freeAt - b.freeAt))
    .slice(0, sizeOf(request))
}

const rankOf = ({ obstacle }: Slot): number =>
  obstacle === undefined ? 0 : obstacle.kind === 'unchecked' ? 1 : 2
