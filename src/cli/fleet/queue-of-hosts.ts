import { formatDuration } from '../../domain/text/duration.ts'
import { shortened } from '../../domain/text/text.ts'
import type { QueueOfHosts } from '../../views/schemas/fleet.ts'
import type { QueueDocument } from '../../views/schemas/queue.ts'
import { clockTime } from '../../views/words/clock-time.ts'
import { TYPES } from '../../views/words/status/states.ts'
import { EMPTY_CELL, table } from '../../views/words/table.ts'
import type { Context } from '../context.ts'
import { askHosts } from './answers.ts'
import type { OfHosts } from './shown.ts'

const HEADER = ['HOST', 'POSITION', 'USER', 'REQUEST', 'TYPE', 'WAITING', 'REASON', 'ESTIMATE', 'NOTE']

/** `queue --all`. */
export async function queueOfHosts(context: Context): Promise<OfHosts> {
  const { hosts, notices, now, failure } = await askHosts({ kind: 'all' }, 'queue', context)
  const rows = hosts.flatMap(({ host, part }) =>
    (part?.places ?? []).map((place) => [host.host, ...cells(place, now)]),
  )
  const leftOut = hosts.flatMap(({ host, part }) =>
    part?.left_out === undefined ? [] : [`${host.host}: ${part.left_out} more are waiting\n`],
  )
  return {
    text: ({ columns }) => ({
      stdout: rows.length === 0 ? 'Nobody is waiting\n' : table(HEADER, rows, columns),
      stderr: leftOut.join('') + notices,
    }),
    json: (): QueueOfHosts =>
      hosts.map(({ host, part }) => {
        if (part === undefined) return host
        const { places, left_out } = part
        return { ...host, places, ...(left_out === undefined ? {} : { left_out }) }
      }),
    failure,
  }
}

const LONGEST = 200

function cells(place: QueueDocument, now: number): readonly string[] {
  const { user, account, earliest_start: start } = place
  return [
    String(place.position),
    shortened(user === account ? user : `${user} (${account})`, LONGEST),
    shortened(place.request, LONGEST),
    TYPES[place.type].word,
    formatDuration(place.waiting_seconds * 1000),
    shortened(place.reason, LONGEST),
    start === undefined ? EMPTY_CELL : clockTime(Date.parse(start), now),
    shortened(place.note ?? '', LONGEST),
  ]
}
