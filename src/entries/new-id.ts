/** The id of a reservation, a booking or a place in the queue. */
export const newId = (): string => crypto.randomUUID().replaceAll('-', '').slice(0, 12)
