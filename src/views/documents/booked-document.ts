import type { Booked } from '../../domain/pool/bookings.ts'
import { gpuNumber } from '../../domain/pool/units.ts'
import { timestamp } from './status-document.ts'

export const bookedDocument = ({ unit, id, by, from, until }: Booked) => ({
  ...{ gpu_id: gpuNumber(unit), booking: id, user: by, from: timestamp(from), until: timestamp(until) },
})
