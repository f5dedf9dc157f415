import { useState } from 'preact/hooks'
import type { TrendPoint } from '../../../views/schemas/dashboard.ts'
import type { PeriodDocument } from '../../../views/schemas/schedule.ts'
import type { StatusDocument } from '../../../views/schemas/status.ts'
import { Holder } from './holder.tsx'
import { MemoryMeter } from './meter.tsx'
import { Processes } from './processes.tsx'
import { Sparkline } from './sparkline.tsx'
import { StateBadge, stateClass } from './state.tsx'

interface GpuCardProps {
  readonly gpu: StatusDocument
  /** Its next booking that has not begun. */
  readonly booked: PeriodDocument | undefined
  readonly trend: readonly TrendPoint[]
  readonly now: number
}

export function GpuCard({ gpu, booked, trend, now }: GpuCardProps) {
  const [isOpen, setOpen] = useState(false)
  const processes = gpu.processes ?? []
  const listId = `processes-${gpu.gpu_id}`
  return (
    <li class={`card ${stateClass(gpu.status)}`}>
      <span class="card-edge" aria-hidden="true" />
      <article aria-labelledby={`gpu-${gpu.gpu_id}`}>
        <header class="card-head">
          <h3 id={`gpu-${gpu.gpu_id}`}>
            <span class="card-gpu">GPU</span> {gpu.gpu_id}
          </h3>
          <StateBadge state={gpu.status} />
        </header>
        <p class="card-hardware" title={gpu.gpu_model}>
          {gpu.gpu_model}
        </p>
        <Holder gpu={gpu} booked={booked} now={now} />
        {gpu.error === undefined ? <Readings gpu={gpu} trend={trend} /> : null}
        {processes.length === 0 ? null : (
          <>
            <button
              type="button"
              class="disclosure"
              aria-expanded={isOpen}
              aria-controls={listId}
              onClick={() => setOpen(!isOpen)}
            >
              <span class="disclosure-arrow" aria-hidden="true" />
              {processes.length} {processes.length === 1 ? 'process' : 'processes'}
              <span class="visually-hidden"> on GPU {gpu.gpu_id}</span>
            </button>
            <div id={listId} hidden={!isOpen}>
              {isOpen ? <Processes processes={processes} /> : null}
            </div>
          </>
        )}
      </article>
    </li>
  )
}

function Readings({ gpu, trend }: Pick<GpuCardProps, 'gpu' | 'trend'>) {
  const { utilization_percent, temperature_c, power_w } = gpu
  const hasReadings = [utilization_percent, temperature_c, power_w].some((value) => value !== undefined)
  return (
    <div class="readings">
      <MemoryMeter used={gpu.memory_used_mb} total={gpu.memory_total_mb} />
      {hasReadings ? (
        <dl class="small-readings">
          <Reading name="Utilisation" value={utilization_percent} unit="%">
            <Sparkline points={trend} field={1} />
          </Reading>
          <Reading name="Temperature" value={temperature_c} unit="°C">
            <Sparkline points={trend} field={2} range={15} />
          </Reading>
          <Reading name="Power" value={power_w} unit="W">
            <Sparkline points={trend} field={3} range={150} />
          </Reading>
        </dl>
      ) : null}
    </div>
  )
}

interface ReadingProps {
  readonly name: string
  readonly value: number | undefined
  readonly unit: string
  readonly children: preact.ComponentChildren
}

function Reading({ name, value, unit, children }: ReadingProps) {
  return (
    <div class="reading">
      <dt>{name}</dt>
      <dd>
        {value === undefined ? '–' : `${Math.round(value)} ${unit}`}
        {children}
      </dd>
    </div>
  )
}
