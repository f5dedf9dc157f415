import { useEffect, useState } from 'preact/hooks'
import { Announcer } from './announcer.tsx'
import { GpuCard } from './gpus/gpu-card.tsx'
import { Header } from './header.tsx'
import { useLive } from './live.ts'
import { Notices } from './notices.tsx'
import { QueueSection } from './queue-section.tsx'
import { ReportSection } from './report/report-section.tsx'
import { Summary } from './summary.tsx'
import { useTheme } from './theme.ts'
import { useServerNow } from './time.ts'

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
  const holders = snapshot.status.map((gpu) => `${gpu.user} ${gpu.started_at}`).join()
  return (
    <>
      <a class="skip" href="#gpus">
        Skip to the GPUs
      </a>
      <Header snapshot={snapshot} connection={live.connection} theme={theme} isWall={isWall} />
      <main>
        <Notices live={live} now={now} />
        <Summary status={snapshot.status} queue={snapshot.queue} now={now} />
        <section id="gpus" aria-labelledby="gpus-heading" tabIndex={-1}>
          <h2 id="gpus-heading" class="visually-hidden">
            GPUs
          </h2>
          <ul class="cards">
            {snapshot.status.map((gpu) => (
              <GpuCard key={gpu.gpu_id} gpu={gpu} trend={live.trends.get(gpu.gpu_id) ?? []} now={now} />
            ))}
          </ul>
        </section>
        <QueueSection queue={snapshot.queue} now={now} />
        {isWall ? null : (
          <ReportSection isDark={theme.isDark} gpus={snapshot.status.length} holders={holders} now={now} />
        )}
      </main>
      <Announcer status={snapshot.status} />
      <footer class="foot">
        canhazgpu {snapshot.version} · for programs: <a href="/api/openapi.json">API</a>,{' '}
        <a href="/metrics">metrics</a>
      </footer>
    </>
  )
}

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
