import type { QueueDocument } from '../../views/schemas/queue.ts'
import type { ScheduleDocument } from '../../views/schemas/schedule.ts'
import type { StatusDocument } from '../../views/schemas/status.ts'
import { STATE_BY_NAME } from '../../views/words/status/states.ts'
import { StateMark, stateClass } from './gpus/state.tsx'
import { clockTime, shortDuration } from './time.ts'

interface SummaryProps {
  readonly status: readonly StatusDocument[]
  readonly queue: readonly QueueDocument[]
  readonly schedule: ScheduleDocument
  readonly now: number
}

/** How many GPUs are free, and when the next one will be. */
export function Summary({ status, queue, schedule, now }: SummaryProps) {
  const free = status.filter((gpu) => gpu.status === 'AVAILABLE')
  const unusable = unusableWords(status)
  return (
    <section class="summary" aria-label="Summary">
      <div class={`summary-free ${free.length > 0 ? 'is-free' : ''}`}>
        <span class="figure">{free.length}</span>
        <span class="figure-words">
          of {status.length} free now
          <small>{free.length === 0 ? 'all GPUs are taken' : gpuList(free)}</small>
        </span>
      </div>
      <NextFree schedule={schedule} now={now} />
      <Fact title="Waiting" value={String(queue.length)}>
        {queue[0] === undefined ? 'nobody in the queue' : `first: ${queue[0].user}, ${queue[0].request}`}
      </Fact>
      <Fact title="Power" value={powerWords(status)}>
        {utilizationWords(status)}
      </Fact>
      <ul class="map" aria-label="All GPUs">
        {status.map((gpu) => (
          <li
            key={gpu.gpu_id}
            class={`map-gpu ${stateClass(gpu.status)}`}
            title={`GPU ${gpu.gpu_id}: ${STATE_BY_NAME[gpu.status].label}`}
          >
            <StateMark state={gpu.status} />
            <span>{gpu.gpu_id}</span>
            <span class="visually-hidden">{STATE_BY_NAME[gpu.status].label}</span>
          </li>
        ))}
      </ul>
      <Models status={status} />
      {unusable === null ? null : <p class="summary-unusable">{unusable}</p>}
    </section>
  )
}

/** The first GPU that is held or booked now and will be free. */
function NextFree({ schedule, now }: Pick<SummaryProps, 'schedule' | 'now'>) {
  const [next] = schedule.gpus
    .flatMap(({ gpu_id, periods: [current, ...later] }) => {
      const free = current?.state === 'FREE' ? undefined : later.find(({ state }) => state === 'FREE')
      return free === undefined ? [] : [{ gpu_id, at: Date.parse(free.from) }]
    })
    .sort((a, b) => a.at - b.at)
  if (next === undefined) {
    return (
      <Fact title="Next free" value="–">
        no reservation has a known end
      </Fact>
    )
  }
  return (
    <Fact title="Next free" value={next.at <= now ? 'now' : `in ${shortDuration(next.at - now)}`}>
      GPU {next.gpu_id} at {clockTime(next.at, now)} at the latest
    </Fact>
  )
}

/** On a machine with several models: how many GPUs of each are free. */
function Models({ status }: Pick<SummaryProps, 'status'>) {
  const models = [...new Set(status.map(({ gpu_model }) => gpu_model))]
  if (models.length < 2) return null
  return (
    <ul class="summary-models" aria-label="Free GPUs of each model">
      {models.map((model) => {
        const gpus = status.filter(({ gpu_model }) => gpu_model === model)
        const free = gpus.filter((gpu) => gpu.status === 'AVAILABLE')
        return (
          <li key={model}>
            {model}: {free.length} of {gpus.length} free
          </li>
        )
      })}
    </ul>
  )
}

interface FactProps {
  readonly title: string
  readonly value: string
  readonly children: preact.ComponentChildren
}

export function Fact({ title, value, children }: FactProps) {
  return (
    <div class="fact">
      <span class="fact-title">{title}</span>
      <span class="fact-value">{value}</span>
      <span class="fact-more">{children}</span>
    </div>
  )
}

const gpuList = (gpus: readonly StatusDocument[]): string =>
  `GPU${gpus.length === 1 ? '' : 's'} ${gpus.map((gpu) => gpu.gpu_id).join(', ')}`

function unusableWords(status: readonly StatusDocument[]): string | null {
  const inState = (state: StatusDocument['status']) => status.filter((gpu) => gpu.status === state)
  const [squatted, faulty, drained] = [inState('UNRESERVED'), inState('ERROR'), inState('DRAINED')]
  const words = [
    ...(squatted.length === 0 ? [] : [`${gpuList(squatted)} used without reservation`]),
    ...(drained.length === 0 ? [] : [`${gpuList(drained)} drained`]),
    ...(faulty.length === 0 ? [] : [`${gpuList(faulty)} faulty`]),
  ]
  return words.length === 0 ? null : words.join(' · ')
}

function powerWords(status: readonly StatusDocument[]): string {
  const known = status.flatMap((gpu) => gpu.power_w ?? [])
  const watts = known.reduce((sum, each) => sum + each, 0)
  if (known.length === 0) return '–'
  return watts < 1_000 ? `${Math.round(watts)} W` : `${(watts / 1_000).toFixed(2)} kW`
}

function utilizationWords(status: readonly StatusDocument[]): string {
  const known = status.flatMap((gpu) => gpu.utilization_percent ?? [])
  if (known.length === 0) return 'utilisation unknown'
  return `${Math.round(known.reduce((sum, each) => sum + each, 0) / known.length)} % mean utilisation`
}
