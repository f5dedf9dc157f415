import type { PoolReadings } from '../../domain/observation/readings.ts'
import type { Millis, UnitId } from '../../domain/pool/model.ts'
import type { TrendDocument, TrendPoint } from '../../views/schemas/dashboard.ts'

/** The shortest time between two points. A sparkline is too narrow to show more of them. */
const SPACING_MS: Millis = 4_000
const KEPT_MS: Millis = 10 * 60_000

/** The readings of the last ten minutes. A page that opens shows them at once. */
export class Trend {
  readonly #points = new Map<UnitId, TrendPoint[]>()
  #last: Millis = Number.NEGATIVE_INFINITY

  add(readings: PoolReadings, now: Millis): void {
    // If the clock was set back, start again, because times must increase.
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
