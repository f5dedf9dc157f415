import type { Booking } from '../../domain/pool/model.ts'
import { formatWhen } from '../../domain/text/when.ts'
import { localOffset } from './clock-time.ts'
import { requestWords } from './request-words.ts'

/** The answer to a booking: exactly what was understood, and how to cancel it. */
export const bookedWords = (booking: Booking): string =>
  `Booked ${spanWords(booking)}\nBooking ${booking.id}: 'canhazgpu release ${booking.id}' cancels it\n`

export const cancelledWords = (booking: Booking): string => `Cancelled the booking of ${spanWords(booking)}\n`

/** `2 GPUs from Sat 2026-11-28 09:00 +01:00 until Sat 2026-11-28 13:00 +01:00`. */
export function spanWords({ request, term: { from, until } }: Booking): string {
  const [begin, end] = [from, until].map((at) => formatWhen(at, localOffset))
  return `${requestWords(request)} from ${begin} until ${end}`
}
