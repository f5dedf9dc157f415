import { useEffect, useState } from 'preact/hooks'
import type { SnapshotDocument } from '../../views/schemas/dashboard.ts'
import type { PolicyDocument } from '../../views/schemas/policy.ts'
import type { PeriodDocument, ScheduleDocument } from '../../views/schemas/schedule.ts'
import { AccountsSection } from './accounts/accounts-section.tsx'
import { Announcer } from './announcer.tsx'
import { useJson } from './api.ts'
import { BookingsSection } from './bookings-section.tsx'
import { GpuCard } from './gpus/gpu-card.tsx'
import { Header } from './header.tsx'
import { HostsSection } from './hosts-section.tsx'
import { useLive } from './live.ts'
import { Notices } from './notices.tsx'
import { PolicySection } from './policy-section.tsx'
import { QueueSection } from './queue-section.tsx'
import { ReportSection } from './report/report-section.tsx'
import { Summary } from './summary.tsx'
import { useTheme } from './theme.ts'
import { useMinuteCount, useServerNow } from './time.ts'

export function App() {
  const live = useLive()
  const theme = useTheme()
  const isWall = useWall()
  const { snapshot } = live
  const now = useServerNow(snapshot?.at, live.receivedAt)
  useEffect(() => {
    if (snapshot !== null) document.title = `${snapshot.demo ? 'Demo · ' : ''}${snapshot.hostname} · GPUs`
  }, [snapshot?.hostname, snapshot?.demo])
  if (snapshot === null) {
    return (
      <main class="waiting">
        <h1>GPUs</h1>
        <p role="status">
          {live.connection === 'lost' ? 'The server does not answer. Retrying …' : 'Loading …'}
        </p>
      </main>
    )
  }
  return (
    <>
      <a class="skip" href="#gpus">
        Skip to the GPUs
      </a>
      <Header snapshot={snapshot} connection={live.connection} theme={theme} isWall={isWall} />
      <main>
        <Notices live={live} now={now} />
        <Summary {...snapshot} now={now} />
        <section id="gpus" aria-labelledby="gpus-heading" tabIndex={-1}>
          <h2 id="gpus-heading" class="visually-hidden">
            GPUs
          </h2>
          <ul class="cards">
            {snapshot.status.map((gpu) => (
              <GpuCard
                key={gpu.gpu_id}
                gpu={gpu}
                booked={nextBooking(snapshot.schedule, gpu.gpu_id)}
                trend={live.trends.get(gpu.gpu_id) ?? []}
                now={now}
              />
            ))}
          </ul>
        </section>
        <QueueSection queue={snapshot.queue} now={now} />
        {isWall ? null : <PageDetails snapshot={snapshot} isDark={theme.isDark} now={now} />}
      </main>
      <Announcer status={snapshot.status} />
      <footer class="foot">
        canhazgpu {snapshot.version} · for programs: <a href="/api/openapi.json">API</a>,{' '}
        <a href="/metrics">metrics</a>
      </footer>
    </>
  )
}

interface PageDetailsProps {
  readonly snapshot: SnapshotDocument
  readonly isDark: boolean
  readonly now: number
}

/** What the wall view omits. */
function PageDetails({ snapshot, isDark, now }: PageDetailsProps) {
  const { status, queue, schedule, policy_version } = snapshot
  const minute = useMinuteCount()
  const holders = status.map((gpu) => `${gpu.user} ${gpu.started_at}`).join()
  const waiters = queue.map((place) => `${place.account} ${place.waiting_since}`).join()
  const bookers = schedule.bookings.map(({ booking, begun_at }) => `${booking} ${begun_at}`).join()
  const policy = useJson<PolicyDocument>('/api/policy', `${policy_version} ${minute}`)
  return (
    <>
      <BookingsSection bookings={schedule.bookings} areOn={areBookingsOn(policy.last)} now={now} />
      <AccountsSection
        policy={policy.last}
        queue={queue}
        bookings={schedule.bookings}
        refreshKey={`${holders} ${waiters} ${bookers} ${policy_version} ${minute}`}
        now={now}
      />
      <ReportSection isDark={isDark} current={snapshot} refreshKey={`${holders} ${minute}`} now={now} />
      <HostsSection refreshKey={`${holders} ${minute}`} now={now} />
      <PolicySection policy={policy} now={now} />
    </>
  )
}

/** The next booking of a GPU that has not begun. */
const nextBooking = ({ gpus }: ScheduleDocument, id: number): PeriodDocument | undefined =>
  gpus.find(({ gpu_id }) => gpu_id === id)?.periods.find(({ state }) => state === 'BOOKED')

const areBookingsOn = (policy: PolicyDocument | null): boolean =>
  policy?.rules.some(({ rule, value }) => rule === 'bookings' && value === 'on') ?? false

/** Whether the address ends with `#wall`: the page then shows only what can be read from a distance. */
function useWall(): boolean {
  const [isWall, setWall] = useState(location.hash === '#wall')
  useEffect(() => {
    const onHash = () => setWall(location.hash === '#wall')
    addEventListener('hashchange', onHash)
    return () => removeEventListener('hashchange', onHash)
  }, [])
  useEffect(() => {
    document.documentElement.dataset.view = isWall ? 'wall' : 'page'
  }, [isWall])
  return isWall
}
