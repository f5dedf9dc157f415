/** Memory in use, as a bar. */
export function MemoryMeter({
  used,
  total,
}: {
  readonly used: number | undefined
  readonly total: number | undefined
}) {
  if (used === undefined) return null
  if (total === undefined || total === 0)
    return <Meter name="Memory" value={`${gigabytes(used)} GB`} part={null} />
  return <Meter name="Memory" value={`${gigabytes(used)} / ${gigabytes(total)} GB`} part={used / total} />
}

interface MeterProps {
  readonly name: string
  readonly value: string
  /** From 0 to 1; null if unknown. */
  readonly part: number | null
}

function Meter({ name, value, part }: MeterProps) {
  const percent = part === null ? 0 : Math.min(100, Math.max(0, part * 100))
  return (
    <div class="meter-row">
      <span class="meter-name">{name}</span>
      <span class="meter-value">{value}</span>
      {part === null ? null : (
        <span class="meter" aria-hidden="true">
          <span class="meter-fill" style={{ width: `${percent.toFixed(1)}%` }} />
        </span>
      )}
    </div>
  )
}

/** In units of 1024 MiB. */
function gigabytes(mb: number): string {
  const value = mb / 1_024
  return value >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1)
}
