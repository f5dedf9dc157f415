import type { Booking, Owner } from '../../domain/pool/model.ts'
import { gpuNumber, unitsOf } from '../../domain/pool/units.ts'
import type { BookingDocument } from '../schemas/schedule.ts'
import { requestWords } from '../words/request-words.ts'
import { requirementsDocument } from './requirements-document.ts'
import { timestamp } from './status-document.ts'

export function bookingDocument(booking: Booking): BookingDocument {
  const { request } = booking
  return {
    ...commonFields(booking),
    request: requestWords(request),
    gpus: request.kind === 'count' ? request.count : request.ids.length,
    ...(request.kind === 'count' ? requirementsDocument(request) : { gpu_ids: request.ids.map(gpuNumber) }),
  }
}

/** The fields of a booking, also of one that has begun. */
export const commonFields = (booking: Pick<Booking, 'id' | 'owner' | 'note' | 'holdings' | 'term'>) => ({
  booking: booking.id,
  ...ownerFields(booking),
  from: timestamp(booking.term.from),
  until: timestamp(booking.term.until),
  planned_gpu_ids: unitsOf(booking).map(gpuNumber),
})

export const ownerFields = ({ owner, note }: { readonly owner: Owner; readonly note?: string }) => ({
  user: owner.shownName,
  account: owner.account.name,
  ...(note === undefined ? {} : { note }),
})
