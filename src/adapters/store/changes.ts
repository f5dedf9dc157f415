import * as libc from '../os/libc.ts'
import { changedNames, watchDirectory } from '../os/wait.ts'

/**
 * Beside the database, and only there to be written to. SQLite writes its log before a commit can be seen, so
 * the log's own events come too early to look; and a file of the database itself must not be opened beside
 * SQLite, whose locks would go when it is closed (sqlite.org/howtocorrupt.html).
 */
export const wakeFile = (database: string): string => `${database}-wake`

/** Tells everyone who watches that a commit can be seen; without the file they see it a second later. */
export function announceChange(database: string): void {
  const fd = libc.open(wakeFile(database), libc.O_WRONLY | libc.O_CLOEXEC)
  if (fd < 0) return
  libc.write(fd, TOUCH)
  libc.close(fd)
}

const TOUCH = new Uint8Array([0x0a])

/** How long an announcement may take after SQLite wrote; whoever wrote may have been killed in between. */
const ANNOUNCED_WITHIN_MS = 1_000

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
 * Whether one of these files tells of a commit. The shared memory and the database itself do not: they are
 * written by whoever opens and closes it too, so that readers who wake by them would wake each other for
 * ever. No name is the folder itself, or more than could be told.
 */
export const tellsOfChange = (names: readonly string[]): boolean =>
  names.some((name) => name === '' || name.endsWith('-wal') || name.endsWith('-wake'))

interface Batch {
  readonly done: boolean
  readonly value?: Uint8Array | undefined
}

async function* wakes(fd: number, signal: AbortSignal): AsyncIterable<void> {
  const events = Bun.file(fd).stream().getReader()
  const stop = () => void events.cancel()
  signal.addEventListener('abort', stop)
  let next: Promise<Batch> = events.read()
  let unannounced = false
  try {
    while (!signal.aborted) {
      const event: Batch | undefined = unannounced
        ? await Promise.race([next, Bun.sleep(ANNOUNCED_WITHIN_MS).then(() => undefined)])
        : await next
      if (event?.done) return
      const names: string[] = event?.value === undefined ? [] : changedNames(event.value)
      if (event !== undefined) next = events.read()
      const announced: boolean = event === undefined || names.some((name) => name.endsWith('-wake'))
      unannounced = !announced && (unannounced || tellsOfChange(names))
      if (announced) yield
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
