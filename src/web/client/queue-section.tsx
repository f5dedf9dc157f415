import type { QueueDocument } from '../../views/schemas/queue.ts'
import { TYPES } from '../../views/words/status/states.ts'
import { clockTime, shortDuration } from './time.ts'
import { shownUser } from './users.ts'

interface QueueSectionProps {
  readonly queue: readonly QueueDocument[]
  readonly now: number
}

export function QueueSection({ queue, now }: QueueSectionProps) {
  return (
    <section class="panel" aria-labelledby="queue-heading">
      <div class="panel-head">
        <h2 id="queue-heading">Queue</h2>
        <p class="panel-more">{queue.length === 0 ? 'Nobody is waiting.' : 'First come, first served.'}</p>
      </div>
      {queue.length === 0 ? null : (
        <table class="queue stacked">
          <thead>
            <tr>
              <th scope="col" class="number">
                #
              </th>
              <th scope="col">User</th>
              <th scope="col">Wants</th>
              <th scope="col">Waiting</th>
              <th scope="col">Why</th>
              <th scope="col">Earliest start</th>
              <th scope="col">Note</th>
            </tr>
          </thead>
          <tbody>
            {queue.map((place) => (
              <QueueRow key={`${place.user} ${place.waiting_since}`} place={place} now={now} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

function QueueRow({ place, now }: { readonly place: QueueDocument; readonly now: number }) {
  const start = startOf(place, now)
  return (
    <tr>
      <td class="number place">{place.position}</td>
      <td class="queue-user">{shownUser(place.user, place.account)}</td>
      <td data-name="Wants">
        {place.request} <span class="chip">{TYPES[place.type].word}</span>
      </td>
      <td data-name="Waiting">{shortDuration(now - Date.parse(place.waiting_since))}</td>
      <td data-name="Why" class={place.reason_code === 'over-limit' ? 'queue-limit' : undefined}>
        {place.reason}
      </td>
      <td data-name="Earliest start">
        {start === null
          ? 'not known'
          : start <= now
            ? 'any moment'
            : `${clockTime(start, now)} (in ${shortDuration(start - now)})`}
      </td>
      <td class="queue-note" data-name="Note" title={place.note}>
        {place.note ?? ''}
      </td>
    </tr>
  )
}

/**
 * A start time in the past is not shown: the start then depends on something that cannot be predicted. The first waiter
 * may start at any moment, so its time is shown.
 */
function startOf({ earliest_start, reason_code }: QueueDocument, now: number): number | null {
  if (earliest_start === undefined) return null
  const start = Date.parse(earliest_start)
  return start <= now && reason_code !== 'next' ? null : start
}
