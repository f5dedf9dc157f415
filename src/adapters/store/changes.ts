import type { Calls } from '../../ports/wakeups.ts'
import { close, O_NOFOLLOW, O_NONBLOCK, O_WRONLY, open, write } from '../kernel/libc/descriptors.ts'
import { watchesIn, watchFile, watchFileOnce } from '../kernel/wait.ts'

/**
 * A file that is written only to wake watchers. Events of SQLite's log come too early, because SQLite writes the log
 * before a commit is visible. A second descriptor of a database file must not be opened: closing it drops SQLite's
 * locks (sqlite.org/howtocorrupt.html).
 */
export const wakeFile = (database: string): string => `${database}-wake`

/**
 * Waiters are woken individually: a hundred waiters awake at once would take CPU time from the waiter whose turn it is.
 * A hash of its id assigns each waiter one of these files.
 */
const BELLS = 16

export const bellFolder = (database: string): string => `${database}-bells`

export const bellFiles = (database: string): readonly string[] =>
  Array.from({ length: BELLS }, (_, bell) => `${bellFolder(database)}/${bell}`)

function bellOf(database: string, entry: string): string {
  const sum = [...entry].reduce((total, letter) => (total * 31 + letter.charCodeAt(0)) >>> 0, 0)
  return `${bellFolder(database)}/${sum % BELLS}`
}

/**
 * Wakes all watchers after a commit, and the named waiters individually. A process that is killed before this call
 * wakes no watcher; the first waiter in the queue also checks at intervals.
 */
export function announceChange(database: string, turns: readonly string[]): void {
  for (const bell of new Set(turns.map((entry) => bellOf(database, entry)))) touch(bell)
  touch(wakeFile(database))
}

/** Wakes all watchers and all waiters: the pool is at this path in another form now. */
export function announceToAll(database: string): void {
  for (const bell of bellFiles(database)) touch(bell)
  touch(wakeFile(database))
}

function touch(file: string): void {
  // These flags refuse a link, and a pipe without a reader.
  const fd = open(file, O_WRONLY | O_NOFOLLOW | O_NONBLOCK)
  if (fd < 0) return
  write(fd, TOUCH)
  close(fd)
}

const TOUCH = new Uint8Array([0x0a])

/** Used if the kernel has no watch left for this user (fs.inotify.max_user_instances). */
const POLL_EVERY_MS = 1_000

/** A descriptor that becomes readable at announcements, or null if the kernel has none left. */
export const watchChanges = (database: string): number | null => watchFile(wakeFile(database))

/**
 * Yields whenever the pool may have changed since the call, until the signal aborts. The kernel keeps events that occur
 * between two reads. (`node:fs` watch on Bun drops events within a millisecond.)
 */
export function poolChanges(database: string, signal: AbortSignal): AsyncIterable<void> {
  const fd = watchChanges(database)
  return fd === null ? ticks(signal) : wakes(fd, signal)
}

async function* wakes(fd: number, signal: AbortSignal): AsyncIterable<void> {
  const events = Bun.file(fd).stream().getReader()
  const stop = () => void events.cancel()
  signal.addEventListener('abort', stop)
  try {
    while (!signal.aborted) {
      const { done } = await events.read()
      if (done) return
      yield
    }
  } finally {
    signal.removeEventListener('abort', stop)
    await events.cancel()
    close(fd)
  }
}

/** Reports each turn of an entry, and one change after each call of `listen`. */
export function callsTo(database: string, entry: string): Calls {
  const fd = watchFile(bellOf(database, entry))
  if (fd === null) return everyChange(database)
  const events = Bun.file(fd).stream().getReader()
  return {
    listen: () => void watchFileOnce(fd, wakeFile(database)),
    async next() {
      const { done, value } = await events.read()
      if (done || value === undefined) return 'closed'
      // The waiter's own file is the first that the descriptor watches.
      return watchesIn(value).includes(1) ? 'turn' : 'change'
    },
    close: () => void events.cancel().then(() => close(fd)),
  }
}

/** For a pool that was set up by hand, without the waiters' files: every change counts as a turn. */
function everyChange(database: string): Calls {
  const stopped = new AbortController()
  const changes = poolChanges(database, stopped.signal)[Symbol.asyncIterator]()
  return {
    listen: () => {},
    next: async () => ((await changes.next()).done ? 'closed' : 'turn'),
    close: () => stopped.abort(),
  }
}

async function* ticks(signal: AbortSignal): AsyncIterable<void> {
  while (!signal.aborted) {
    await Bun.sleep(POLL_EVERY_MS)
    if (!signal.aborted) yield
  }
}
