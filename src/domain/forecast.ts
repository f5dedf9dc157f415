import { knownEnd, sizeOf } from './line.ts'
import type { GpuId, Millis, Pool, QueueEntry, Request, Reservation } from './model.ts'

/** When a waiting request is expected to start, by what is known now. */
export type Forecast =
  | { readonly kind: 'at'; readonly at: Millis; readonly after?: Reservation }
  /** It waits for one that has no known end. */
  | { readonly kind: 'unknown'; readonly after?: Reservation }

interface Slot {
  readonly gpu: GpuId
  readonly freeAt: Millis
  readonly holder?: Reservation
}

interface Planned {
  readonly entry: QueueEntry
  readonly start: Millis
  /** Whose end it waits for. */
  readonly holder: Reservation | undefined
}

/**
 * Plays the line forward: each request starts when enough of its GPUs are free by the known ends, and holds
 * them for its declared duration, or without end. Ends that come early only bring the line forward.
 */
export function forecastLine(
  pool: Pool,
  now: Millis,
  unknownEnd: Millis = Number.POSITIVE_INFINITY,
): ReadonlyMap<string, Forecast> {
  let slots = firstSlots(pool, now, unknownEnd)
  const forecasts = new Map<string, Forecast>()
  const ahead: Planned[] = []
  for (const entry of pool.queue) {
    const chosen = chosenSlots(slots, entry)
    const last = chosen.at(-1)
    const planned = behind(ahead, { entry, start: last?.freeAt ?? now, holder: last?.holder })
    ahead.push(planned)
    forecasts.set(entry.id, forecastAt(planned.start, planned.holder))
    const freeAt = planned.start + (entry.duration ?? Number.POSITIVE_INFINITY)
    const gpus = new Set(chosen.map((slot) => slot.gpu))
    slots = slots.map((slot) => (gpus.has(slot.gpu) ? { gpu: slot.gpu, freeAt } : slot))
  }
  return forecasts
}

/** Nobody starts before one further ahead who could use the same GPUs, but who gives them back in time. */
function behind(ahead: readonly Planned[], planned: Planned): Planned {
  const { duration = Number.POSITIVE_INFINITY, request } = planned.entry
  let { start, holder } = planned
  for (const earlier of ahead) {
    const isBefore = start < earlier.start && start + duration > earlier.start
    if (isBefore && shareGpus(request, earlier.entry.request)) ({ start, holder } = earlier)
  }
  return { entry: planned.entry, start, holder }
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
    const promised = forecastLine(before, now, unknownEnd)
    const then = forecastLine(after, now, unknownEnd)
    return before.queue.every((entry) => startOf(then.get(entry.id)) <= startOf(promised.get(entry.id)))
  })
}

const startOf = (forecast: Forecast | undefined): Millis =>
  forecast?.kind === 'at' ? forecast.at : Number.POSITIVE_INFINITY

function forecastAt(start: Millis, holder: Reservation | undefined): Forecast {
  const after = holder === undefined ? {} : { after: holder }
  return start === Number.POSITIVE_INFINITY
    ? { kind: 'unknown', ...after }
    : { kind: 'at', at: start, ...after }
}

function firstSlots(pool: Pool, now: Millis, unknownEnd: Millis): readonly Slot[] {
  const holders = new Map(pool.reservations.flatMap((held) => held.gpus.map((gpu) => [gpu, held] as const)))
  return pool.gpus.map(({ id }) => {
    const holder = holders.get(id)
    if (holder === undefined) return { gpu: id, freeAt: now }
    const end = knownEnd(holder)
    return { gpu: id, freeAt: Math.max(now, end === Number.POSITIVE_INFINITY ? unknownEnd : end), holder }
  })
}

/** The GPUs this request would get, the last one to come free last. */
function chosenSlots(slots: readonly Slot[], { request }: QueueEntry): readonly Slot[] {
  const wanted = request.kind === 'ids' ? slots.filter((slot) => request.ids.includes(slot.gpu)) : slots
  return wanted
    .toSorted((a, b) => (a.freeAt === b.freeAt ? 0 : a.freeAt - b.freeAt))
    .slice(0, sizeOf(request))
}
