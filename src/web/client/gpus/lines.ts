import type { SnapshotDocument, TrendDocument, TrendPoint } from '../../../views/schemas/dashboard.ts'

/** The readings of the last minutes, by GPU id. */
export type Lines = ReadonlyMap<number, readonly TrendPoint[]>

export const noLines: Lines = new Map()

const KEPT_MS = 10 * 60_000
const SPACING_MS = 1_500

export function withTrend(trend: TrendDocument): Lines {
  return new Map(Object.entries(trend.gpus).map(([id, points]) => [Number(id), points]))
}

export function withSnapshot(lines: Lines, snapshot: SnapshotDocument): Lines {
  const at = Date.parse(snapshot.at)
  if (snapshot.stale !== undefined) return lines
  return new Map(
    snapshot.status.map((gpu) => {
      const known = (lines.get(gpu.gpu_id) ?? []).filter((point) => point[0] > at - KEPT_MS)
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
