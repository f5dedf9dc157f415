import * as libc from '../os/libc.ts'

/**
 * Keeps SQLite from the file `-journal` beside the database. The pool has a write-ahead log and never a rollback
 * journal, but SQLite looks for one when it opens the database: a pipe of that name would block it for ever, and
 * a planted journal would be rolled back into the pool. SQLite leaves a journal alone while somebody else has
 * reserved the database for writing (`hasHotJournal` in pager.c), so each process reserves it, for shared use.
 *
 * A process loses its locks on a file when it closes any descriptor of it, so the descriptors are closed when the
 * last database of this process was closed.
 */
export function guardJournal(database: string): { release(): void } {
  const fd = libc.open(database, libc.O_RDONLY | libc.O_NONBLOCK)
  // Where it cannot be read SQLite says so.
  if (fd >= 0) {
    libc.lockShared(fd, RESERVED_BYTE, 1)
    descriptors.push(fd)
  }
  guarded++
  return { release }
}

/** Offset of the lock in the file: fileformat2.html. In WAL mode SQLite does not use it. */
const RESERVED_BYTE = 0x40000001

let guarded = 0
let descriptors: number[] = []

function release(): void {
  guarded--
  if (guarded > 0) return
  for (const fd of descriptors) libc.close(fd)
  descriptors = []
}
