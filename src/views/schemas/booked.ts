import { list, object, text, time, whole } from './values.ts'

const next = { booking: text, user: text, from: time, until: time }

/** The next booking that needs a GPU. The GPU is free, or held, until it begins. */
export const nextBooking = object(next)

/** A GPU that a booking needs. */
export const bookedGpu = object({ gpu_id: whole, ...next })

export const booked = list(bookedGpu)
