import { useEffect, useState } from 'preact/hooks'
import type { DailyDocument, ReportDocument } from '../../../views/schemas/usage.ts'
import { useJson } from '../api.ts'
import { Timeline } from '../timeline/timeline.tsx'
import { DailyChart } from './daily-chart.tsx'
import { ReportTable } from './report-table.tsx'

const PRESETS = [1, 7, 30, 90] as const
const REFRESH_EVERY_MS = 60_000
/** How often the timeline moves to the current time. */
const STEP_MS = 10_000

interface ReportSectionProps {
  readonly isDark: boolean
  /** The number of GPUs. */
  readonly gpus: number
  /** Changes when a GPU gets another holder; then the report is fetched again. */
  readonly holders: string
  /** The server's time. */
  readonly now: number
}

export function ReportSection({ isDark, gpus, holders, now }: ReportSectionProps) {
  const [days, setDays] = useState(30)
  const minute = useMinuteCount()
  const refreshKey = `${holders} ${minute}`
  const report = useJson<ReportDocument>(`/api/report?days=${days}`, refreshKey)
  const daily = useJson<DailyDocument>(`/api/daily?days=${days}`, refreshKey)
  return (
    <>
      <section class="panel" aria-labelledby="timeline-heading">
        <Timeline
          gpus={gpus}
          isDark={isDark}
          refreshKey={refreshKey}
          now={Math.floor(now / STEP_MS) * STEP_MS}
        />
      </section>
      <section class="panel" aria-labelledby="report-heading">
        <div class="panel-head">
          <h2 id="report-heading">Reservation report</h2>
          <PeriodChoice days={days} choose={setDays} />
        </div>
        {report.kind === 'failed' ? <p class="failure">Cannot load the report: {report.reason}</p> : null}
        {report.last === null ? (
          <p class="panel-more">Loading …</p>
        ) : (
          <div class="report">
            <ReportTable report={report.last} />
            <DailyChart
              daily={daily.last}
              order={report.last.users.map((user) => user.user)}
              isDark={isDark}
            />
          </div>
        )}
      </section>
    </>
  )
}

interface PeriodChoiceProps {
  readonly days: number
  readonly choose: (days: number) => void
}

function PeriodChoice({ days, choose }: PeriodChoiceProps) {
  const onInput = (text: string) => {
    const number = Number(text)
    if (Number.isInteger(number) && number >= 1 && number <= 90) choose(number)
  }
  return (
    <fieldset class="choice">
      <legend class="visually-hidden">Period of the report</legend>
      {PRESETS.map((preset) => (
        <button key={preset} type="button" aria-pressed={days === preset} onClick={() => choose(preset)}>
          {preset === 1 ? '1 day' : `${preset} days`}
        </button>
      ))}
      <label class="choice-number">
        <input
          type="number"
          min={1}
          max={90}
          value={days}
          aria-label="Days, 1 to 90"
          onInput={(event) => onInput(event.currentTarget.value)}
        />
        days
      </label>
    </fieldset>
  )
}

function useMinuteCount(): number {
  const [minutes, setMinutes] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => setMinutes((before) => before + 1), REFRESH_EVERY_MS)
    return () => clearInterval(timer)
  }, [])
  return minutes
}
