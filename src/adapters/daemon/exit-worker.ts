import { epollWait } from '../kernel/epoll.ts'

declare const self: Worker

/** Waits for events of an epoll descriptor in a thread of its own, and posts the tokens of those that have occurred. */
self.onmessage = ({ data: epoll }: MessageEvent<number>) => {
  for (;;) postMessage(epollWait(epoll))
}
