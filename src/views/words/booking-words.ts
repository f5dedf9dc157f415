import type { CanhazgpuError } from '../../domain/errors.ts'
import type { Booked, Reason } from '../../domain/operation/refusal.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { clockTime } from './clock-time.ts'

type Words = Pick<CanhazgpuError, 'code' | 'message'> & { readonly hint?: string }

type BookingReason = Extract<
  Reason,
  { code: 'booked' | 'bookings-off' | 'past' | 'unbookable' | 'no-such-booking' | 'policy-needs' }
>

/** The text of a refusal that bookings cause, or of a refused booking. */
export function bookingWords(reason: BookingReason): Words {
  switch (reason.code) {
    case 'booked':
      return {
        code: 'not-enough-gpus',
        message: reason.booked.map((each) => bookedWords(each, reason.now)).join(', '),
        hint: "see 'canhazgpu schedule'",
      }
    case 'bookings-off':
      return {
        code: 'failure',
        message: 'GPUs cannot be booked in this pool',
        hint: "an administrator may allow it with 'policy set bookings on'",
      }
    case 'past':
      return { code: 'usage', message: 'A booking cannot begin in the past' }
    case 'unbookable':
      return {
        code: 'not-enough-gpus',
        message: `Not enough GPUs at that time. Requested: ${reason.requested}, Available: ${reason.available}`,
        hint: "see 'canhazgpu schedule'",
      }
    case 'no-such-booking':
      return { code: 'failure', message: `No such booking: ${reason.id}`, hint: "see 'canhazgpu schedule'" }
    case 'policy-needs':
      return {
        code: 'failure',
        message: `Bookings need a value for the whole pool of ${reason.missing.join(' and ')}`,
        hint: 'set it first, or set bookings off',
      }
  }
}

/** `GPU 3 is free until 09:00 (booked by ann)` */
const bookedWords = ({ unit, by, from }: Booked, now: Millis): string =>
  `GPU ${unit} is free until ${clockTime(from, now)} (booked by ${by})`
