import * as libc from '../os/libc.ts'
import { changedNames, watchDirectory } from '../os/wait.ts'

/** Where the kernel has no watch left for this user (fs.inotify.max_user_instances). */
const LOOK_EVERY_MS = 1_000

/**
 * Yields whenever the pool in the folder may have changed since the call, until the signal; the kernel
 * keeps what happens while nobody waits. (`node:fs` watch on Bun drops events within a millisecond.)
 */
export function poolChanges(folder: string, signal: AbortSignal): AsyncIterable<void> {
  const fd = watchDirectory(folder)
  return fd === null ? ticks(signal) : wakes(fd, signal)
}

/**
 * Whether one of these files tells of a commit. SQLite's shared memory does not: it is written by whoever
 * reads first, so that readers who wake by it would wake each other for ever.
 */
export const tellsOfChange = (names: readonly string[]): boolean =>
  names.some((name) => !name.endsWith('-shm'))

async function* wakes(fd: number, signal: AbortSignal): AsyncIterable<void> {
  const events = Bun.file(fd).stream().getReader()
  const stop = () => void events.cancel()
  signal.addEventListener('abort', stop)
  try {
    while (!signal.aborted) {
      const { done, value } = await events.read()
      if (done) return
      if (tellsOfChange(changedNames(value))) yield
    }
  } finally {
    signal.removeEventListener('abort', stop)
    await events.cancel()
    libc.close(fd)
  }
}

async function* ticks(signal: AbortSignal): AsyncIterable<void> {
  while (!signal.aborted) {
    await Bun.sleep(LOOK_EVERY_MS)
    if (!signal.aborted) yield
  }
}
