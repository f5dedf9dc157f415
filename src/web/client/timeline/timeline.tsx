import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { HistoryDocument } from '../../../views/schemas/usage.ts'
import { useJson } from '../api.ts'
import { type Bar, barsOf, type Current } from './timeline-bars.ts'
import { TimelineCanvas } from './timeline-canvas.tsx'
import { TimelineTable } from './timeline-table.tsx'
import { DAY, panned, type View, viewOf, zoomed } from './timeline-view.ts'
import { barWords } from './timeline-words.ts'

interface Preset {
  readonly words: string
  readonly span: number
  /** The future's share. */
  readonly ahead?: number
}

const TODAY: Preset = { words: '24 h', span: DAY }

const PRESETS: readonly Preset[] = [
  TODAY,
  { words: '3 days', span: 3 * DAY },
  { words: '7 days', span: 7 * DAY },
  { words: '30 days', span: 30 * DAY },
  { words: 'next 7 days', span: 7 * DAY, ahead: 0.97 },
]

/** The requested range is rounded to this, so that not every move sends a request. */
const GRID = DAY / 2

interface TimelineProps {
  readonly current: Current
  readonly isDark: boolean
  /** Changes when the history must be fetched again. */
  readonly refreshKey: string
  /** The server's time. */
  readonly now: number
}

/** The holders of each GPU over time and its drains, with one row per GPU. The reader can move and zoom it. */
export function Timeline({ current, isDark, refreshKey, now }: TimelineProps) {
  const [view, setView] = useState<View>(() => viewOf(DAY, now))
  const [preset, setPreset] = useState<Preset | null>(TODAY)
  const history = useJson<HistoryDocument>(historyPath(view, now), refreshKey)
  const [pointed, setPointed] = useState<Bar | null>(null)
  const latestNow = useRef(now)
  latestNow.current = now
  const bars = useMemo(
    () => barsOf(history.last?.records ?? [], current, now),
    [history.last, keyOf(current), now],
  )
  useEffect(() => {
    if (preset !== null) setView(viewOf(preset.span, now, preset.ahead))
  }, [preset, now])
  const move = (change: (view: View, now: number) => View) => {
    setPreset(null)
    setView((before) => change(before, latestNow.current))
  }
  return (
    <>
      <div class="panel-head">
        <h2 id="timeline-heading">Timeline</h2>
        <fieldset class="choice">
          <legend class="visually-hidden">Visible time range</legend>
          {PRESETS.map((each) => (
            <button
              key={each.words}
              type="button"
              aria-pressed={each === preset}
              onClick={() => setPreset(each)}
            >
              {each.words}
            </button>
          ))}
          <button
            type="button"
            aria-label="Earlier"
            onClick={() => move((each, at) => panned(each, -0.5, at))}
          >
            ←
          </button>
          <button type="button" aria-label="Later" onClick={() => move((each, at) => panned(each, 0.5, at))}>
            →
          </button>
          <button
            type="button"
            aria-label="Zoom in"
            onClick={() => move((each, at) => zoomed(each, 0.5, 0.5, at))}
          >
            +
          </button>
          <button
            type="button"
            aria-label="Zoom out"
            onClick={() => move((each, at) => zoomed(each, 2, 0.5, at))}
          >
            −
          </button>
        </fieldset>
      </div>
      {history.kind === 'failed' ? <p class="failure">Cannot load the history: {history.reason}</p> : null}
      <TimelineCanvas
        picture={{ bars, gpus: current.status.length, view, now, pointed }}
        isDark={isDark}
        move={move}
        point={setPointed}
      />
      <p class="readout timeline-readout">
        {pointed === null
          ? 'Pale: until the latest known end; thin: no known end; dashed: booked; hatched: drained. Point at a bar for details. Drag to move; Ctrl and wheel to zoom.'
          : barWords(pointed, now)}
      </p>
      <TimelineTable bars={bars.filter((bar) => bar.to >= view.from && bar.from <= view.to)} now={now} />
    </>
  )
}

/** Changes with what the timeline shows of the current state. */
const keyOf = ({ status, schedule }: Current): string =>
  JSON.stringify([
    status.map(({ user, account, expiry_time, drain }) => [user, account, expiry_time, drain]),
    schedule.bookings,
  ])

/** There is no history after now. */
function historyPath({ from, to }: View, now: number): string {
  const margin = (to - from) / 2
  const end = Math.ceil(Math.min(to + margin, now) / GRID) * GRID
  const start = Math.min(end - GRID, Math.floor((from - margin) / GRID) * GRID)
  return `/api/history?from=${new Date(start).toISOString()}&to=${new Date(end).toISOString()}`
}
