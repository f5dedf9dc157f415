import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import type { DailyDocument } from '../../../views/schemas/usage.ts'
import { colorOf, OTHERS_COLOR } from '../users.ts'
import { Scrollable } from './scrollable.tsx'

const HEIGHT = 260
const MOST_USERS = 8

/** The user of a bar; null for all other users together. */
type Series = string | null

interface DailyChartProps {
  readonly daily: DailyDocument | null
  /** All users; those with most hours first. */
  readonly order: readonly string[]
  readonly isDark: boolean
}

/** GPU hours per day as stacked bars, one colour per user. */
export function DailyChart({ daily, order, isDark }: DailyChartProps) {
  const place = useRef<HTMLDivElement>(null)
  const [pointed, setPointed] = useState<number | null>(null)
  const shown = order.slice(0, MOST_USERS)
  const names: readonly Series[] = order.length > MOST_USERS ? [...shown, null] : shown
  useEffect(() => {
    if (place.current === null || daily === null || names.length === 0) return
    return draw(place.current, daily, { names, point: setPointed })
  }, [daily, JSON.stringify(names), isDark])
  const busiest = daily?.days.reduce((most, day) => (day.gpu_hours > most.gpu_hours ? day : most), {
    date: '',
    gpu_hours: 0,
  })
  return (
    <figure class="daily">
      <figcaption>
        GPU hours per day <span class="readout">{dayWords(daily, pointed)}</span>
      </figcaption>
      <div
        ref={place}
        class="chart"
        role="img"
        aria-label={`GPU hours per day by user; most on ${busiest?.date}: ${busiest?.gpu_hours.toFixed(1)}. The table below the chart has all figures.`}
      />
      <ul class="legend">
        {names.map((name) => (
          <li key={name}>
            <span class="swatch" style={{ backgroundColor: colorFor(name) }} aria-hidden="true" />
            {name ?? 'others'}
          </li>
        ))}
      </ul>
      {daily === null ? null : <DailyTable daily={daily} />}
    </figure>
  )
}

const colorFor = (name: Series): string => (name === null ? OTHERS_COLOR : colorOf(name))

function DailyTable({ daily }: { readonly daily: DailyDocument }) {
  return (
    <Scrollable name="GPU hours per day">
      <table>
        <thead>
          <tr>
            <th scope="col">Day</th>
            <th scope="col" class="number">
              GPU hours
            </th>
            <th scope="col">By user</th>
          </tr>
        </thead>
        <tbody>
          {daily.days.toReversed().map((day) => (
            <tr key={day.date}>
              <th scope="row">{day.date}</th>
              <td class="number">{day.gpu_hours.toFixed(1)}</td>
              <td>{day.users.map((user) => `${user.user} ${user.gpu_hours.toFixed(1)}`).join(', ')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scrollable>
  )
}

interface Drawing {
  readonly names: readonly Series[]
  /** Called with the index of the day under the pointer; null for none. */
  readonly point: (day: number | null) => void
}

/** Draws the chart. Returns a function that removes it. */
function draw(place: HTMLElement, daily: DailyDocument, { names, point }: Drawing): () => void {
  const style = getComputedStyle(document.documentElement)
  const axis = {
    stroke: style.getPropertyValue('--muted'),
    font: `12px ${style.getPropertyValue('--font')}`,
    grid: { stroke: style.getPropertyValue('--grid'), width: 1 },
    ticks: { show: false },
  }
  // uPlot has no stacked bars. The tallest bar is drawn first, and each next one covers its lower part.
  const stacked = names.map((_, at) => daily.days.map((day) => sumOf(day, names.slice(0, at + 1), names)))
  const paths = uPlot.paths.bars?.({ size: [0.72, 44] })
  const options: uPlot.Options = {
    width: Math.max(200, place.clientWidth),
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false, range: [-0.6, daily.days.length - 0.4] },
      y: { range: (_, __, max) => [0, Math.max(1, max * 1.05)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 26,
        space: 70,
        incrs: [1, 2, 5, 7, 10, 14, 21, 30],
        values: (_, at) => at.map((each) => shortDate(daily, each)),
      },
      { ...axis, size: 46, values: (_, at) => at.map((each) => `${each} h`) },
    ],
    series: [
      {},
      ...names.toReversed().map((name) => ({
        fill: colorFor(name),
        width: 0,
        points: { show: false },
        ...(paths === undefined ? {} : { paths }),
      })),
    ],
  }
  const chart = new uPlot(options, [daily.days.map((_, at) => at), ...stacked.toReversed()], place)
  chart.over.addEventListener('pointermove', (event) => point(Math.round(chart.posToVal(event.offsetX, 'x'))))
  chart.over.addEventListener('pointerleave', () => point(null))
  const resizeObserver = new ResizeObserver(() =>
    chart.setSize({ width: Math.max(200, place.clientWidth), height: HEIGHT }),
  )
  resizeObserver.observe(place)
  return () => {
    resizeObserver.disconnect()
    chart.destroy()
  }
}

function sumOf(
  day: DailyDocument['days'][number],
  wanted: readonly Series[],
  names: readonly Series[],
): number {
  return day.users.reduce((sum, { user, gpu_hours }) => {
    const name = names.includes(user) ? user : null
    return wanted.includes(name) ? sum + gpu_hours : sum
  }, 0)
}

function dayWords(daily: DailyDocument | null, at: number | null): string {
  const day = at === null ? undefined : daily?.days[at]
  if (daily === null || at === null || day === undefined) return ''
  const users = day.users.slice(0, 4).map((user) => `${user.user} ${user.gpu_hours.toFixed(1)}`)
  return `${shortDate(daily, at)}: ${day.gpu_hours.toFixed(1)} h${users.length === 0 ? '' : ` (${users.join(', ')})`}`
}

function shortDate(daily: DailyDocument, at: number): string {
  const date = daily.days[at]?.date
  if (date === undefined) return ''
  return new Date(`${date}T12:00:00`).toLocaleDateString(undefined, { day: 'numeric', month: 'short' })
}
