import { useState } from 'preact/hooks'
import type { DailyDocument, ReportDocument } from '../../../views/schemas/usage.ts'
import { useJson } from '../api.ts'
import { Timeline } from '../timeline/timeline.tsx'
import type { Current } from '../timeline/timeline-bars.ts'
import { DailyChart } from './daily-chart.tsx'
import { ReportTable } from './report-table.tsx'

const PRESETS = [1, 7, 30, 90] as const
/** How often the timeline moves to the current time. */
const STEP_MS = 10_000

interface ReportSectionProps {
  readonly isDark: boolean
  readonly current: Current
  /** Changes when the report must be fetched again. */
  readonly refreshKey: string
  /** The server's time. */
  readonly now: number
}

export function ReportSection({ isDark, current, refreshKey, now }: ReportSectionProps) {
  const [days, setDays] = useState(30)
  const report = useJson<ReportDocument>(`/api/report?days=${days}`, refreshKey)
  const daily = useJson<DailyDocument>(`/api/daily?days=${days}`, refreshKey)
  return (
    <>
      <section class="panel" aria-labelledby="timeline-heading">
        <Timeline
          current={current}
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
