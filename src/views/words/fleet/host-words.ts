import type { Millis } from '../../../domain/pool/model.ts'
import { formatDuration } from '../../../domain/text/duration.ts'
import { printable, shortened } from '../../../domain/text/text.ts'
import type { HostDocument } from '../../schemas/fleet.ts'
import { clockTime } from '../clock-time.ts'

/** A host that says something new at least every minute is shown as it is now. */
const NEW_SECONDS = 60
const LONGEST_REASON = 200

/** How old the words of a host are, or why there are none: the end of the line about it. Empty if they are new. */
export function hostStateWords(host: HostDocument, now: Millis): string {
  const { state, age_seconds: age = 0, reason = '' } = host
  const ago = `${formatDuration(age * 1000)} ago`
  switch (state) {
    case 'current':
      return age < NEW_SECONDS ? '' : `as of ${ago}`
    case 'silent':
      return `silent since ${clockTime(now - age * 1000, now)} (${ago})`
    case 'unreadable':
      return `published nothing that this version of canhazgpu understands (${ago})`
    case 'unreachable': {
      const why = shortened(printable(reason), LONGEST_REASON)
      return host.last_sign === undefined
        ? why
        : `${why}; last sign ${clockTime(now - age * 1000, now)} (${ago})`
    }
  }
}

/** A short form for a table. */
export function lastSignWords(host: HostDocument, now: Millis): string {
  switch (host.state) {
    case 'current':
      return hostStateWords(host, now) || 'now'
    case 'unreadable':
      return 'not understood'
    case 'silent':
    case 'unreachable':
      return hostStateWords(host, now)
  }
}

/** The heading above what a host says. */
export function hostHeading(host: HostDocument, facts: readonly string[], now: Millis): string {
  const words = [...facts, hostStateWords(host, now)].filter((each) => each !== '')
  const hint = host.hint === undefined ? '' : ` - ${shortened(printable(host.hint), LONGEST_REASON)}`
  const text = words.length === 0 ? 'nothing' : words.join(', ')
  // A reason that the host itself gave begins with its name.
  const named = text.startsWith(`${host.host}: `) ? text : `${host.host}: ${text}`
  return `${named}${hint}\n`
}

/** The line about this host if others do not see it as it is; empty if they do. */
export function unpublishedLine({ host, unpublished }: HostDocument): string {
  if (unpublished === undefined) return ''
  const { age_seconds: age, reason } = unpublished
  const seen =
    age === undefined
      ? 'is not on the notice board'
      : `is on the notice board as it was ${formatDuration(age * 1000)} ago`
  return `${host}, this host, ${seen}. ${shortened(printable(reason), LONGEST_REASON)}\n`
}

/** After this time the line is no news. */
const NEWS_MS: Millis = 24 * 3_600_000

/** The line about a board that is new or has lost its data; empty if that was long ago. */
export function emptyBoardLine(ago: Millis | undefined): string {
  if (ago === undefined || ago > NEWS_MS) return ''
  const when = ago === 0 ? 'is empty' : `was empty ${formatDuration(ago)} ago`
  return `The notice board ${when}: hosts that have not published since are missing\n`
}
