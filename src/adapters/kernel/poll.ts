import { poll } from './libc/descriptors.ts'
import { EINTR } from './libc/errno.ts'
import { errorText } from './libc/library.ts'

/** What to wait for at a descriptor. */
export interface Interest {
  readonly fd: number
  readonly read?: boolean
  readonly write?: boolean
}

export interface Readiness {
  /** There is something to read, or the other end is closed. */
  readonly readable: boolean
  /** A write does not block, or fails because the other end is closed. */
  readonly writable: boolean
}

const POLL_IN = 1
const POLL_OUT = 4
const POLL_ERR = 8
const POLL_HUP = 16
/** The descriptor is not open, as a closed standard stream. */
const POLL_NVAL = 32
const NOT_READY: Readiness = { readable: false, writable: false }

/** Waits until a descriptor is ready, at most this long; null if none is, because the time is over or a signal came first. */
export function pollAny(
  interests: readonly Interest[],
  timeoutMs: number,
): ReadonlyMap<number, Readiness> | null {
  const polled = new Uint8Array(interests.length * 8)
  const view = new DataView(polled.buffer)
  interests.forEach(({ fd, read, write }, at) => {
    const events = (read === true ? POLL_IN : 0) | (write === true ? POLL_OUT : 0)
    // A negative descriptor is left out: one without interest would report only its hang-up, again and again.
    view.setInt32(at * 8, events === 0 ? -1 : fd, true)
    view.setInt16(at * 8 + 4, events, true)
  })
  const count = poll(polled, interests.length, Math.ceil(timeoutMs))
  if (count === 0 || count === -EINTR) return null
  if (count < 0) throw new Error(`poll: ${errorText(-count)}`)
  return new Map(
    interests.map(({ fd, read, write }, at) => {
      const events = view.getInt16(at * 8 + 6, true)
      if (events === 0) return [fd, NOT_READY]
      const isOver = (events & (POLL_ERR | POLL_HUP | POLL_NVAL)) !== 0
      return [
        fd,
        {
          readable: read === true && (isOver || (events & POLL_IN) !== 0),
          writable: write === true && (isOver || (events & POLL_OUT) !== 0),
        },
      ]
    }),
  )
}
