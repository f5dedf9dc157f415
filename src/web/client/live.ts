import { useEffect, useRef, useState } from 'preact/hooks'
import type { SnapshotDocument, TrendDocument } from '../../views/schemas/dashboard.ts'
import { getJson } from './api.ts'
import { noTrends, type Trends, trendsOf, withSnapshot } from './gpus/trends.ts'

/** `live`: events arrive. `polling`: no events arrive, so the page polls. `lost`: the server does not answer. */
export type Connection = 'connecting' | 'live' | 'polling' | 'lost'

export interface Live {
  readonly snapshot: SnapshotDocument | null
  readonly trends: Trends
  readonly connection: Connection
  /** `performance.now()` when the snapshot arrived. */
  readonly receivedAt: number
}

const NOTHING: Live = { snapshot: null, trends: noTrends, connection: 'connecting', receivedAt: 0 }

/** Events count as missing after this time. The server sends at least a ping every two seconds. */
const SILENT_AFTER_MS = 8_000
const REOPEN_AFTER_MS = 4_000
const POLL_EVERY_MS = 30_000
/** A hidden page closes its event stream after this time, because browsers allow few connections to one server. */
const CLOSE_HIDDEN_AFTER_MS = 15_000

/** The server's state while the page is open, from its events or, if no events arrive, by polling. */
export function useLive(): Live {
  const [live, setLive] = useState<Live>(NOTHING)
  const update = useRef((change: (live: Live) => Live) => setLive(change))
  useEffect(() => followServer(update.current), [])
  return live
}

function followServer(update: (change: (live: Live) => Live) => void): () => void {
  let source: EventSource | null = null
  let lastEventAt = performance.now()
  let openedAt = 0
  let polledAt = performance.now()
  let hiddenSince: number | null = null
  let version: string | null = null

  const show = (snapshot: SnapshotDocument, connection: Connection) => {
    // A newer server may send fields and states that this page does not know, so load the newer page.
    version ??= snapshot.version
    if (version !== snapshot.version) location.reload()
    update((live) => {
      return {
        snapshot,
        connection,
        receivedAt: performance.now(),
        trends: withSnapshot(live.trends, snapshot),
      }
    })
  }
  const markLost = () =>
    update((live) => (live.connection === 'lost' ? live : { ...live, connection: 'lost' }))
  const open = () => {
    source?.close()
    openedAt = performance.now()
    source = new EventSource('/api/events')
    source.addEventListener('snapshot', (event) => {
      lastEventAt = performance.now()
      show(JSON.parse(event.data) as SnapshotDocument, 'live')
    })
    source.addEventListener('trend', (event) => {
      const trend = JSON.parse(event.data) as TrendDocument
      update((live) => ({ ...live, trends: trendsOf(trend) }))
    })
    source.addEventListener('ping', () => {
      lastEventAt = performance.now()
      update((live) => (live.connection === 'live' ? live : { ...live, connection: 'live' }))
    })
    source.addEventListener('error', markLost)
  }
  const close = () => {
    source?.close()
    source = null
  }
  const poll = async () => {
    polledAt = performance.now()
    try {
      show(await getJson<SnapshotDocument>('/api/snapshot'), 'polling')
    } catch {
      markLost()
    }
  }
  const check = () => {
    const now = performance.now()
    if (hiddenSince !== null) {
      if (now - hiddenSince > CLOSE_HIDDEN_AFTER_MS) close()
      return
    }
    if (now - lastEventAt < SILENT_AFTER_MS) return
    if (now - polledAt > POLL_EVERY_MS) void poll()
    else if (now - polledAt > SILENT_AFTER_MS && source?.readyState !== EventSource.OPEN) markLost()
    if (now - openedAt > REOPEN_AFTER_MS && source?.readyState !== EventSource.CONNECTING) open()
  }
  const onVisibility = () => {
    hiddenSince = document.hidden ? performance.now() : null
    if (!document.hidden && source === null) open()
  }

  open()
  onVisibility()
  const timer = setInterval(check, 1_000)
  document.addEventListener('visibilitychange', onVisibility)
  return () => {
    close()
    clearInterval(timer)
    document.removeEventListener('visibilitychange', onVisibility)
  }
}
