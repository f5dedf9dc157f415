import type { SnapshotDocument, TrendDocument, TrendPoint } from '../../../views/schemas/dashboard.ts'

/** The readings of the last ten minutes, by GPU id. */
export type Trends = ReadonlyMap<number, readonly TrendPoint[]>

export const noTrends: Trends = new Map()

const KEPT_MS = 10 * 60_000
const SPACING_MS = 1_500

export function trendsOf(trend: TrendDocument): Trends {
  return new Map(Object.entries(trend.gpus).map(([id, points]) => [Number(id), points]))
}

/** Adds the snapshot's readings, except old ones and those less than `SPACING_MS` after the last point. */
export function withSnapshot(trends: Trends, snapshot: SnapshotDocument): Trends {
  const at = Date.parse(snapshot.at)
  if (snapshot.stale !== undefined) return trends
  return new Map(
    snapshot.status.map((gpu) => {
      const known = (trends.get(gpu.gpu_id) ?? []).filter((point) => point[0] > at - KEPT_MS)
      const last = known.at(-1)
      if (gpu.error !== undefined || (last !== undefined && at - last[0] < SPACING_MS))
        return [gpu.gpu_id, known]
      const point: TrendPoint = [
        at,
        gpu.utilization_percent ?? null,
        gpu.temperature_c ?? null,
        gpu.power_w ?? null,
      ]
      return [gpu.gpu_id, [...known, point]]
    }),
  )
}
