import type { Calls } from '../../ports/wakeups.ts'
import * as libc from '../kernel/libc.ts'
import { watchesIn, watchFile, watchFileOnce } from '../kernel/wait.ts'

/**
 * Beside the database, and only there to be written to. SQLite writes its log before a commit can be seen, so
 * the log's own events come too early to look; and a file of the database itself must not be opened beside
 * SQLite, whose locks would go when it is closed (sqlite.org/howtocorrupt.html).
 */
export const wakeFile = (database: string): string => `${database}-wake`

/**
 * Waiters are called by name, not all at once: a hundred awake would take the processor from the one whose
 * turn it is. Each listens to the bell that its id falls on.
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
 * Tells everyone who watches that a commit can be seen, and calls those whose turn it is. Who is killed before it
 * comes to this leaves a commit that nobody was told of; the first in line looks now and then by itself.
 */
export function announceChange(database: string, turns: readonly string[]): void {
  for (const bell of new Set(turns.map((entry) => bellOf(database, entry)))) touch(bell)
  touch(wakeFile(database))
}

function touch(file: string): void {
  // Neither a link to another file nor a pipe that nobody reads, should somebody have put one there.
  const fd = libc.open(file, libc.O_WRONLY | libc.O_NOFOLLOW | libc.O_NONBLOCK)
  if (fd < 0) return
  libc.write(fd, TOUCH)
  libc.close(fd)
}

const TOUCH = new Uint8Array([0x0a])

/** Where the kernel has no watch left for this user (fs.inotify.max_user_instances). */
const LOOK_EVERY_MS = 1_000

/** A descriptor to wait on for announcements, or null where the kernel has none left. */
export const watchChanges = (database: string): number | null => watchFile(wakeFile(database))

/**
 * Yields whenever the pool may have changed since the call, until the signal; the kernel keeps what happens
 * while nobody waits. (`node:fs` watch on Bun drops events within a millisecond.)
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
    libc.close(fd)
  }
}

/** Listens for an entry's turn, and for a change at most once between two calls of `listen`. */
export function callsTo(database: string, entry: string): Calls {
  const fd = watchFile(bellOf(database, entry))
  if (fd === null) return everyChange(database)
  const events = Bun.file(fd).stream().getReader()
  return {
    listen: () => void watchFileOnce(fd, wakeFile(database)),
    async next() {
      const { done, value } = await events.read()
      if (done || value === undefined) return 'closed'
      // The bell is the first file that the descriptor watches.
      return watchesIn(value).includes(1) ? 'turn' : 'change'
    },
    close: () => void events.cancel().then(() => libc.close(fd)),
  }
}

/** Where there are no bells, in a pool set up by hand, every change is a call. */
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
    await Bun.sleep(LOOK_EVERY_MS)
    if (!signal.aborted) yield
  }
}
