import type { PoolReadings } from '../../domain/observation/readings.ts'
import type { Millis, UnitId } from '../../domain/pool/model.ts'
import type { TrendDocument, TrendPoint } from '../../views/schemas/dashboard.ts'

/** More points than this are not visible in a line as wide as a card. */
const SPACING_MS: Millis = 4_000
const KEPT_MS: Millis = 10 * 60_000

/** The readings of the last ten minutes, for pages that open later. */
export class Trend {
  readonly #points = new Map<UnitId, TrendPoint[]>()
  #last: Millis = Number.NEGATIVE_INFINITY

  add(readings: PoolReadings, now: Millis): void {
    // After a clock was set back a new line starts.
    if (now < this.#last) this.#points.clear()
    else if (now - this.#last < SPACING_MS) return
    this.#last = now
    for (const [id, { use }] of readings) {
      const kept = (this.#points.get(id) ?? []).filter(([at]) => at > now - KEPT_MS)
      if (use.kind === 'measured') {
        kept.push([now, use.utilizationPercent ?? null, use.temperatureC ?? null, use.powerW ?? null])
      }
      this.#points.set(id, kept)
    }
  }

  document(): TrendDocument {
    return { gpus: Object.fromEntries(this.#points) }
  }
}
