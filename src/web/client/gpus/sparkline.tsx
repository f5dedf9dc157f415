import type { TrendPoint } from '../../../views/schemas/dashboard.ts'

interface SparklineProps {
  readonly points: readonly TrendPoint[]
  /** The index of the value in a point. */
  readonly field: 1 | 2 | 3
  /** The smallest range of the axis, so that noise does not look like a change. Utilisation always has 0 to 100. */
  readonly range?: number
}

const WIDTH = 72
const HEIGHT = 20
const SHOWN_MS = 5 * 60_000
/** The shortest period that the width covers. It matters for a page that was just opened. */
const SHORTEST_MS = 60_000
/** Points further apart are not connected, because there were no readings between them. */
const GAP_MS = 30_000

/** The last five minutes of one reading. Hidden from screen readers: the text next to it has the number. */
export function Sparkline({ points, field, range = 0 }: SparklineProps) {
  const last = points.at(-1)
  if (last === undefined) return null
  const recent = points.filter(([at]) => at > last[0] - SHOWN_MS)
  const values = recent.flatMap((point) => point[field] ?? [])
  if (values.length < 2) return null
  const [low, high] = field === 1 ? [0, 100] : bounds(values, range)
  const span = Math.max(SHORTEST_MS, last[0] - (recent[0]?.[0] ?? 0))
  const x = (at: number) => WIDTH - ((last[0] - at) / span) * WIDTH
  const y = (value: number) => HEIGHT - 1.5 - ((value - low) / (high - low)) * (HEIGHT - 3)
  const segments = segmentsOf(recent.flatMap((point) => known(point, field)))
  const paths = segments.map((segment) =>
    segment.map(({ at, value }) => `${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join('L'),
  )
  const areas = segments.map((segment, index) => {
    const [first, end] = [segment[0]?.at ?? 0, segment.at(-1)?.at ?? 0]
    return `M${x(first).toFixed(1)} ${HEIGHT}L${paths[index]}L${x(end).toFixed(1)} ${HEIGHT}Z`
  })
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path class="sparkline-area" d={areas.join('')} />
      <path class="sparkline-line" d={paths.map((path) => `M${path}`).join('')} />
    </svg>
  )
}

interface Value {
  readonly at: number
  readonly value: number
}

function known(point: TrendPoint, field: 1 | 2 | 3): readonly Value[] {
  const value = point[field]
  return value === null ? [] : [{ at: point[0], value }]
}

/** Splits the values at gaps. */
function segmentsOf(values: readonly Value[]): readonly (readonly Value[])[] {
  const segments: Value[][] = []
  let before = Number.NEGATIVE_INFINITY
  for (const value of values) {
    if (value.at - before > GAP_MS) segments.push([])
    segments.at(-1)?.push(value)
    before = value.at
  }
  return segments
}

function bounds(values: readonly number[], range: number): readonly [number, number] {
  const low = Math.min(...values)
  const high = Math.max(...values)
  const missing = Math.max(0, range - (high - low)) / 2
  const floor = Math.max(0, low - missing)
  return [floor, Math.max(high + missing, floor + range)]
}
