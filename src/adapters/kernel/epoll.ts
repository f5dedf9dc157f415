import * as calls from './libc/epoll.ts'

const EPOLL_CTL_ADD = 1
const EPOLL_IN = 1
/** One event, then none. */
const EPOLL_ONESHOT = 1 << 30
const MOST_EVENTS = 64

/** `struct epoll_event` is packed on x86_64 only. */
const EVENT_BYTES = process.arch === 'x64' ? 12 : 16
const TOKEN_AT = EVENT_BYTES - 8

/** An epoll descriptor. Closing a watched descriptor also removes it here. */
export const epollCreate = (): number => calls.epollCreate()

/** Reports once when the descriptor becomes readable. */
export function epollAdd(epoll: number, fd: number, token: number): number {
  const event = new Uint8Array(EVENT_BYTES)
  const view = new DataView(event.buffer)
  view.setUint32(0, EPOLL_IN | EPOLL_ONESHOT, true)
  view.setUint32(TOKEN_AT, token, true)
  return calls.epollControl(epoll, EPOLL_CTL_ADD, fd, event)
}

/** Blocks this thread until events occur; returns their tokens. */
export const epollWait = (epoll: number): readonly number[] => occurred(epoll, -1)

/** The tokens of the events that have occurred. */
export const epollPoll = (epoll: number): readonly number[] => occurred(epoll, 0)

function occurred(epoll: number, timeoutMs: number): readonly number[] {
  const events = new Uint8Array(EVENT_BYTES * MOST_EVENTS)
  const view = new DataView(events.buffer)
  const count = calls.epollWait(epoll, events, MOST_EVENTS, timeoutMs)
  return Array.from({ length: Math.max(0, count) }, (_, at) =>
    view.getUint32(at * EVENT_BYTES + TOKEN_AT, true),
  )
}
