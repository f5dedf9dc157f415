import { randomHex } from '../adapters/kernel/libc/random.ts'

/** The id of a reservation, a booking or a place in the queue. */
export const newId = (): string => randomHex(6)
