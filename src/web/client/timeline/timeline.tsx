import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { HistoryDocument, HistoryRecordDocument } from '../../../views/schemas/usage.ts'
import { TYPES } from '../../../views/words/status/states.ts'
import { useJson } from '../api.ts'
import { Scrollable } from '../report/scrollable.tsx'
import { clockTime, shortDuration } from '../time.ts'
import { TimelineCanvas } from './timeline-canvas.tsx'
import { type Bar, barOf } from './timeline-drawing.ts'
import { DAY, lastView, panned, type View, zoomed } from './timeline-view.ts'

const PRESETS = [
  { words: '24 h', span: DAY },
  { words: '3 days', span: 3 * DAY },
  { words: '7 days', span: 7 * DAY },
  { words: '30 days', span: 30 * DAY },
] as const

/** The requested range is rounded to this, so that not every move sends a request. */
const GRID = DAY / 2
const MOST_IN_TABLE = 200

interface TimelineProps {
  readonly gpus: number
  readonly isDark: boolean
  /** Changes when the history must be fetched again. */
  readonly refreshKey: string
  /** The server's time. */
  readonly now: number
}

/** The holders of each GPU over time, with one row per GPU. The reader can move and zoom it. */
export function Timeline({ gpus, isDark, refreshKey, now }: TimelineProps) {
  const [view, setView] = useState<View>(() => lastView(DAY, now))
  const [span, setSpan] = useState<number | null>(DAY)
  const history = useJson<HistoryDocument>(historyPath(view), refreshKey)
  const [pointed, setPointed] = useState<Bar | null>(null)
  const latestNow = useRef(now)
  latestNow.current = now
  const bars = useMemo(
    () => (history.last?.records ?? []).map((record) => barOf(record, now)),
    [history.last, now],
  )
  useEffect(() => {
    if (span !== null) setView(lastView(span, now))
  }, [span, now])
  const move = (change: (view: View, now: number) => View) => {
    setSpan(null)
    setView((before) => change(before, latestNow.current))
  }
  return (
    <>
      <div class="panel-head">
        <h2 id="timeline-heading">Timeline</h2>
        <fieldset class="choice">
          <legend class="visually-hidden">Visible time range</legend>
          {PRESETS.map((preset) => (
            <button
              key={preset.words}
              type="button"
              aria-pressed={span === preset.span}
              onClick={() => setSpan(preset.span)}
            >
              {preset.words}
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
        picture={{ bars, gpus, view, now, pointed }}
        isDark={isDark}
        move={move}
        point={setPointed}
      />
      <p class="readout timeline-readout">
        {pointed === null
          ? 'Point at a bar for details. Drag to move; Ctrl and wheel to zoom.'
          : barWords(pointed, now)}
      </p>
      <BarTable bars={bars.filter((bar) => bar.to >= view.from && bar.from <= view.to)} now={now} />
    </>
  )
}

function historyPath({ from, to }: View): string {
  const margin = (to - from) / 2
  const start = Math.floor((from - margin) / GRID) * GRID
  const end = Math.ceil((to + margin) / GRID) * GRID
  return `/api/history?from=${new Date(start).toISOString()}&to=${new Date(end).toISOString()}`
}

function barWords({ gpu, user, from, to, record }: Bar, now: number): string {
  const end = record.ended_at === undefined ? 'now' : clockTime(to, now)
  const kind = TYPES[record.type].word
  const note = record.note === undefined ? '' : ` – ${record.note}`
  const outcome = record.outcome === undefined ? '' : `, ${endWords(record)}`
  return `GPU ${gpu}: ${user}, ${clockTime(from, now)} to ${end} (${shortDuration(to - from)}, ${kind}${outcome})${note}`
}

function endWords({ outcome, ended_by: by }: HistoryRecordDocument): string {
  if (outcome === undefined) return 'still held'
  return by === undefined ? outcome : `${outcome} by ${by}`
}

function BarTable({ bars, now }: { readonly bars: readonly Bar[]; readonly now: number }) {
  return (
    <Scrollable name="Reservations in the visible time range">
      <table>
        <thead>
          <tr>
            {['GPU', 'User', 'From', 'To', 'For', 'Type', 'End', 'Note'].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {bars.slice(-MOST_IN_TABLE).map(({ gpu, user, from, to, record }) => (
            <tr key={`${record.reservation} ${gpu}`}>
              <td>{gpu}</td>
              <td>{user}</td>
              <td>{clockTime(from, now)}</td>
              <td>{record.ended_at === undefined ? 'now' : clockTime(to, now)}</td>
              <td>{shortDuration(to - from)}</td>
              <td>{TYPES[record.type].word}</td>
              <td>{endWords(record)}</td>
              <td>{record.note ?? ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scrollable>
  )
}
