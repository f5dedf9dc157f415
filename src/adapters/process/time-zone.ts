import { CanhazgpuError } from '../../domain/errors.ts'
import type { LocalOffset } from '../../domain/text/when.ts'

/** Names of UTC, with the prefixes that the runtime accepts. */
const UTC = /^:?(posix\/|right\/)?(Etc\/)?(UTC|UCT|GMT|Universal|Zulu|Greenwich)[+-]?0?$/i

/**
 * The local time zone by the variable TZ, which may be unset. The runtime silently takes UTC for a value that it does not
 * know, such as `:/etc/localtime`. Then a call throws `usage`.
 */
export const localZone =
  (tz: string | undefined): LocalOffset =>
  (at) => {
    const isUtc = Intl.DateTimeFormat().resolvedOptions().timeZone === 'UTC'
    if (!isUtc || tz === undefined || tz === '' || UTC.test(tz)) return -new Date(at).getTimezoneOffset()
    throw new CanhazgpuError('usage', `The time zone is not known: TZ is '${tz}'`, {
      hint: 'set TZ to a name such as Europe/Berlin, or write the time with its offset from UTC',
    })
  }
