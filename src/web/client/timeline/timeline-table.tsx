import { TYPES } from '../../../views/words/status/states.ts'
import { Scrollable } from '../report/scrollable.tsx'
import { clockTime, shortDuration } from '../time.ts'
import type { Bar, BookedBar, DrainedBar, ExpectedBar, HeldBar } from './timeline-bars.ts'
import { endWords, expectedWords } from './timeline-words.ts'

const MOST_HELD = 200

interface TimelineTableProps {
  readonly bars: readonly Bar[]
  readonly now: number
}

/** What the timeline shows, as a table. The expected end of a reservation is in its row. */
export function TimelineTable({ bars, now }: TimelineTableProps) {
  const ofKind = <Kind extends Bar['kind']>(kind: Kind) =>
    bars.filter((bar): bar is Extract<Bar, { kind: Kind }> => bar.kind === kind)
  const expected = new Map(ofKind('expected').map((bar) => [bar.gpu, bar]))
  return (
    <Scrollable name="Drains, bookings and reservations in the visible time range">
      <table>
        <thead>
          <tr>
            {['GPU', 'User', 'From', 'To', 'For', 'Type', 'End', 'Note'].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {ofKind('drained').map((bar) => (
            <DrainedRow key={`drained ${bar.gpu}`} bar={bar} now={now} />
          ))}
          {ofKind('booked').map((bar) => (
            <BookedRow key={`${bar.booking.booking} ${bar.gpu}`} bar={bar} now={now} />
          ))}
          {ofKind('held')
            .slice(-MOST_HELD)
            .map((bar) => (
              <HeldRow
                key={`${bar.record.reservation} ${bar.gpu}`}
                bar={bar}
                expected={expected.get(bar.gpu)}
                now={now}
              />
            ))}
        </tbody>
      </table>
    </Scrollable>
  )
}

function DrainedRow({ bar: { gpu, from, drain }, now }: { readonly bar: DrainedBar; readonly now: number }) {
  return (
    <tr>
      <td>{gpu}</td>
      <td>{drain.by}</td>
      <td>{clockTime(from, now)}</td>
      <td>now</td>
      <td>{shortDuration(now - from)}</td>
      <td>drained</td>
      <td>when it is restored</td>
      <td>{drain.reason ?? ''}</td>
    </tr>
  )
}

function BookedRow({ bar, now }: { readonly bar: BookedBar; readonly now: number }) {
  const { gpu, user, from, to, booking } = bar
  return (
    <tr>
      <td>{gpu}</td>
      <td>{user}</td>
      <td>{clockTime(from, now)}</td>
      <td>{clockTime(to, now)}</td>
      <td>{shortDuration(to - from)}</td>
      <td>booking</td>
      <td>{from <= now ? 'waits for its GPUs' : 'not begun'}</td>
      <td>{booking.note ?? ''}</td>
    </tr>
  )
}

interface HeldRowProps {
  readonly bar: HeldBar
  readonly expected: ExpectedBar | undefined
  readonly now: number
}

function HeldRow({ bar: { gpu, user, from, to, record }, expected, now }: HeldRowProps) {
  const isHeld = record.ended_at === undefined
  return (
    <tr>
      <td>{gpu}</td>
      <td>{user}</td>
      <td>{clockTime(from, now)}</td>
      <td>{isHeld ? 'now' : clockTime(to, now)}</td>
      <td>{shortDuration(to - from)}</td>
      <td>{TYPES[record.type].word}</td>
      <td>
        {endWords(record)}
        {isHeld && expected !== undefined ? `, ${expectedWords(expected.end, now)}` : ''}
      </td>
      <td>{record.note ?? ''}</td>
    </tr>
  )
}
