import type { Millis } from '../../../domain/pool/model.ts'
import { formatDuration } from '../../../domain/text/duration.ts'
import { shortened } from '../../../domain/text/text.ts'
import type { QueueDocument } from '../../schemas/queue.ts'
import { clockTime } from '../clock-time.ts'
import { TYPES } from '../status/states.ts'
import { EMPTY_CELL } from '../table.ts'

const LONGEST = 200

export const PLACE_COLUMNS = ['POSITION', 'USER', 'REQUEST', 'TYPE', 'WAITING', 'REASON', 'ESTIMATE', 'NOTE']

/** A waiter of another host as a row of a table. Its texts were written elsewhere, so they are made printable here. */
export function placeRow(place: QueueDocument, now: Millis): readonly string[] {
  const { user, account, earliest_start: start } = place
  return [
    String(place.position),
    shortened(user === account ? user : `${user} (${account})`, LONGEST),
    shortened(place.request, LONGEST),
    TYPES[place.type].word,
    formatDuration(place.waiting_seconds * 1000),
    shortened(place.reason, LONGEST),
    start === undefined ? EMPTY_CELL : `earliest ${clockTime(Date.parse(start), now)}`,
    shortened(place.note ?? '', LONGEST),
  ]
}
