import { list, object, text, time, whole } from './values.ts'

/** A GPU that a booking needs. It is free, or held, until the booking begins. */
export const bookedGpu = object({ gpu_id: whole, booking: text, user: text, from: time, until: time })

export const booked = list(bookedGpu)
