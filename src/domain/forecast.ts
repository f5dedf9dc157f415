import { knownEnd, sizeOf } from './line.ts'
import type { GpuId, Millis, Pool, QueueEntry, Reservation } from './model.ts'

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
  for (const entry of pool.queue) {
    const chosen = chosenSlots(slots, entry)
    const last = chosen.at(-1)
    const start = last?.freeAt ?? now
    forecasts.set(entry.id, forecastAt(start, last?.holder))
    const freeAt = start + (entry.duration ?? Number.POSITIVE_INFINITY)
    const gpus = new Set(chosen.map((slot) => slot.gpu))
    slots = slots.map((slot) => (gpus.has(slot.gpu) ? { gpu: slot.gpu, freeAt } : slot))
  }
  return forecasts
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
