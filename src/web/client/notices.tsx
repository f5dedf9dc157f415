import type { Live } from './live.ts'
import { clockTime, shortDuration } from './time.ts'

/** Warns that the page shows old data. */
export function Notices({ live, now }: { readonly live: Live; readonly now: number }) {
  const { snapshot, connection } = live
  const words = noticeWords(live, now)
  return (
    <div role="alert" class="notices">
      {words === null ? null : (
        <p class="notice">
          <span class="notice-mark" aria-hidden="true">
            !
          </span>
          <span>
            <strong>{connection === 'lost' ? 'No connection to the server.' : 'Old readings.'}</strong>{' '}
            {words}
            {snapshot?.stale?.since === undefined || connection === 'lost'
              ? ''
              : ` (last good reading ${shortDuration(now - Date.parse(snapshot.stale.since))} ago)`}
          </span>
        </p>
      )}
    </div>
  )
}

function noticeWords({ snapshot, connection }: Live, now: number): string | null {
  if (snapshot === null) return null
  if (connection === 'lost') {
    return `This page shows the state at ${clockTime(Date.parse(snapshot.at), now)}. It reconnects automatically.`
  }
  return snapshot.stale === undefined ? null : sentence(snapshot.stale.reason)
}

const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`
