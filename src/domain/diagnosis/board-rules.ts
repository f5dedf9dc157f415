import { ownNotice } from '../fleet/own-notice.ts'
import type { Millis } from '../pool/model.ts'
import type { Finding } from './finding.ts'

export interface BoardFacts {
  readonly server: string
  readonly host: string
  /** Whether a daemon publishes this host. Else its commands do. */
  readonly isServed: boolean
  /** The age of what the board has of this host; undefined if it has nothing. */
  readonly age: Millis | undefined
  /** The time since the last commit of this host; undefined if it has no pool that this account can read. */
  readonly sinceCommit: Millis | undefined
  /** How far the clock of the board is ahead of ours. */
  readonly clockAhead: Millis
}

const SMALLEST_DIFFERENCE_MS: Millis = 5_000

export function boardFindings(facts: BoardFacts): readonly Finding[] {
  const { clockAhead } = facts
  const differs = Math.abs(clockAhead) >= SMALLEST_DIFFERENCE_MS
  const clock: readonly Finding[] = differs
    ? [{ code: 'board-clock', seconds: Math.round(clockAhead / 1000) }]
    : []
  return [...noticeFindings(facts), ...clock]
}

function noticeFindings({ server, host, isServed, age, sinceCommit }: BoardFacts): readonly Finding[] {
  // A machine without a pool has nothing to publish.
  if (sinceCommit === undefined) return [{ code: 'board-reached', server }]
  const seconds = Math.floor((age ?? 0) / 1000)
  switch (ownNotice({ age, sinceCommit, isServed })) {
    case 'missing':
      return [{ code: 'board-lacks-host', host, isServed }]
    case 'behind':
      return [{ code: 'board-behind', seconds, isServed }]
    case 'quiet':
    case 'current':
      return [{ code: 'board-current', server, seconds }]
  }
}
