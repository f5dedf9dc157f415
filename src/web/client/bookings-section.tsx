import type { BookingDocument } from '../../views/schemas/schedule.ts'
import { clockTime, shortDuration } from './time.ts'
import { colorOf, shownUser } from './users.ts'

const MOST_SHOWN = 100

interface BookingsSectionProps {
  readonly bookings: readonly BookingDocument[]
  /** Whether GPUs can be booked. */
  readonly areOn: boolean
  readonly now: number
}

/** All bookings; nothing where GPUs cannot be booked. */
export function BookingsSection({ bookings, areOn, now }: BookingsSectionProps) {
  if (!areOn && bookings.length === 0) return null
  return (
    <section class="panel" aria-labelledby="bookings-heading">
      <div class="panel-head">
        <h2 id="bookings-heading">Bookings</h2>
        <p class="panel-more">
          {bookings.length === 0 ? 'Nobody has booked a GPU.' : 'Earliest begin first.'}
        </p>
      </div>
      {bookings.length === 0 ? null : (
        <table class="bookings stacked">
          <thead>
            <tr>
              {['User', 'GPUs', 'From', 'Until', 'State', 'Note'].map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {bookings.slice(0, MOST_SHOWN).map((booking) => (
              <BookingRow key={booking.booking} booking={booking} now={now} />
            ))}
          </tbody>
        </table>
      )}
      {bookings.length > MOST_SHOWN ? (
        <p class="panel-more">{bookings.length - MOST_SHOWN} more that begin later</p>
      ) : null}
    </section>
  )
}

function BookingRow({ booking, now }: { readonly booking: BookingDocument; readonly now: number }) {
  const user = shownUser(booking.user, booking.account)
  const [from, until] = [Date.parse(booking.from), Date.parse(booking.until)]
  return (
    <tr>
      <th scope="row">
        <span class="swatch" style={{ backgroundColor: colorOf(user) }} aria-hidden="true" /> {user}
      </th>
      <td data-name="GPUs">{gpuWords(booking)}</td>
      <td data-name="From">{clockTime(from, now)}</td>
      <td data-name="Until">
        {clockTime(until, from)} ({shortDuration(until - from)})
      </td>
      <td data-name="State">{stateWords(booking, now)}</td>
      <td data-name="Note" class="queue-note" title={booking.note}>
        {booking.note ?? ''}
      </td>
    </tr>
  )
}

/** `2 GPUs (0, 1)`: which ones of a number of GPUs may change until the booking begins. */
const gpuWords = ({ request, gpu_ids, planned_gpu_ids, begun_at }: BookingDocument): string =>
  gpu_ids !== undefined || begun_at !== undefined ? request : `${request} (${planned_gpu_ids.join(', ')})`

function stateWords({ from, begun_at }: BookingDocument, now: number): string {
  const begin = Date.parse(from)
  if (begun_at !== undefined) return 'begun'
  return begin <= now ? 'waits for its GPUs' : `begins in ${shortDuration(begin - now)}`
}
