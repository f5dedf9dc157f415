import { useEffect, useRef, useState } from 'preact/hooks'
import type { SnapshotDocument, TrendDocument } from '../../views/schemas/dashboard.ts'
import { getJson } from './api.ts'
import { type Lines, noLines, withSnapshot, withTrend } from './gpus/lines.ts'

/** `live`: events arrive; `polling`: no events, so the page polls; `lost`: the server does not answer. */
export type Connection = 'connecting' | 'live' | 'polling' | 'lost'

export interface Live {
  readonly snapshot: SnapshotDocument | null
  readonly lines: Lines
  readonly connection: Connection
  /** `performance.now()` when the snapshot arrived. */
  readonly receivedAt: number
}

const NOTHING: Live = { snapshot: null, lines: noLines, connection: 'connecting', receivedAt: 0 }

/** The server sends at least a ping every two seconds. */
const SILENT_AFTER_MS = 8_000
const REOPEN_AFTER_MS = 4_000
const POLL_EVERY_MS = 30_000
/** A hidden page needs no events, and browsers open few connections to one server. */
const ASLEEP_AFTER_MS = 15_000

/** Follows the server while the page is open: by events, or by polling where no events arrive. */
export function useLive(): Live {
  const [live, setLive] = useState<Live>(NOTHING)
  const update = useRef((change: (live: Live) => Live) => setLive(change))
  useEffect(() => follow(update.current), [])
  return live
}

function follow(update: (change: (live: Live) => Live) => void): () => void {
  let source: EventSource | null = null
  let heardAt = performance.now()
  let openedAt = 0
  let polledAt = performance.now()
  let hiddenSince: number | null = null
  let version: string | null = null

  const take = (snapshot: SnapshotDocument, connection: Connection) => {
    // A newer server may send fields and states that this page does not know.
    version ??= snapshot.version
    if (version !== snapshot.version) location.reload()
    update((live) => {
      return {
        snapshot,
        connection,
        receivedAt: performance.now(),
        lines: withSnapshot(live.lines, snapshot),
      }
    })
  }
  const lose = () => update((live) => (live.connection === 'lost' ? live : { ...live, connection: 'lost' }))
  const open = () => {
    source?.close()
    openedAt = performance.now()
    source = new EventSource('/api/events')
    source.addEventListener('snapshot', (event) => {
      heardAt = performance.now()
      take(JSON.parse(event.data) as SnapshotDocument, 'live')
    })
    source.addEventListener('trend', (event) => {
      const trend = JSON.parse(event.data) as TrendDocument
      update((live) => ({ ...live, lines: withTrend(trend) }))
    })
    source.addEventListener('ping', () => {
      heardAt = performance.now()
      update((live) => (live.connection === 'live' ? live : { ...live, connection: 'live' }))
    })
    source.addEventListener('error', lose)
  }
  const close = () => {
    source?.close()
    source = null
  }
  const poll = async () => {
    polledAt = performance.now()
    try {
      take(await getJson<SnapshotDocument>('/api/snapshot'), 'polling')
    } catch {
      lose()
    }
  }
  const check = () => {
    const now = performance.now()
    if (hiddenSince !== null) {
      if (now - hiddenSince > ASLEEP_AFTER_MS) close()
      return
    }
    if (now - heardAt < SILENT_AFTER_MS) return
    if (now - polledAt > POLL_EVERY_MS) void poll()
    else if (now - polledAt > SILENT_AFTER_MS && source?.readyState !== EventSource.OPEN) lose()
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
