import { constants, Database } from 'bun:sqlite'
import {
  close,
  isLockedByOther,
  lockShared,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  open,
} from '../../kernel/libc/descriptors.ts'
import { EAGAIN } from '../../kernel/libc/errno.ts'
import { statusOf } from '../../kernel/libc/paths.ts'

/** An open database of a pool. */
export interface Guarded {
  readonly db: Database
  /** Call it before a transaction. Throws SQLite's error for a lock if SQLite would wait for 10 seconds. */
  checkLocks(): void
  close(): void
}

/**
 * Opens the existing database of a pool, protected from foreign files beside it and foreign objects in its schema. The
 * log stays when the last process closes it.
 */
export function openGuarded(
  path: string,
  { readonly, waitMs }: { readonly readonly: boolean; readonly waitMs: number },
): Guarded {
  const guard = guardJournal(path)
  const checkLocks = () => {
    if (guard.shm >= 0 && isLockedByOther(guard.shm, READ_LOCKS.first, READ_LOCKS.count)) throw busy()
  }
  let db: Database | undefined
  const close = () => {
    db?.close()
    guard.release()
  }
  try {
    checkLocks()
    db = new Database(path, { readonly, readwrite: !readonly, create: false, strict: true })
    db.run(`PRAGMA trusted_schema = OFF; PRAGMA busy_timeout = ${waitMs}`)
    db.fileControl(constants.SQLITE_FCNTL_PERSIST_WAL, 1)
    return { db, checkLocks, close }
  } catch (cause) {
    close()
    throw cause
  }
}

/**
 * Keeps SQLite from using the file `-journal` beside the database. The pool has a write-ahead log and never a rollback
 * journal, but SQLite searches for one when it opens the database. A pipe of that name would block it for ever, and a
 * foreign journal would be rolled back into the pool. SQLite ignores a journal while another process has reserved the
 * database for writing (`hasHotJournal` in pager.c), so each process holds that lock, shared.
 *
 * A process loses its locks on a file when it closes any descriptor of it. So each file is opened once, however many
 * connections use it, and its descriptor is closed with the last of them.
 */
function guardJournal(database: string): { readonly shm: number; release(): void } {
  const guard = guardOf(database)
  guard.users++
  return {
    shm: guard.shm,
    release: () => {
      guard.users--
      if (guard.users === 0) closeGuard(guard)
    },
  }
}

interface Guard {
  readonly file: string
  readonly descriptors: number[]
  /** Descriptor of `-shm`; negative if there is none. */
  readonly shm: number
  users: number
}

/** By device and inode, because another file may replace the one at a path. */
const guards = new Map<string, Guard>()

/** Offset of the lock in the file (fileformat2.html). In WAL mode SQLite does not use it. */
const RESERVED_BYTE = 0x40000001

/**
 * Bytes of `-shm` that readers share (walformat.html), and the one that every process with an open log shares. While
 * another process holds all of them exclusively, SQLite retries for 10 seconds, whatever its busy timeout, without
 * handling signals.
 */
const READ_LOCKS = { first: 123, count: 6 }

const busy = () => Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' })

function guardOf(database: string): Guard {
  const known = guards.size === 0 ? undefined : guards.get(fileAt(database))
  if (known !== undefined) return known
  const fd = open(database, O_RDONLY | O_NONBLOCK)
  // SQLite reports why the file cannot be read.
  if (fd < 0) return { file: '', descriptors: [], shm: -1, users: 0 }
  if (lockShared(fd, RESERVED_BYTE, 1) === -EAGAIN) {
    close(fd)
    // The holder could release the lock between two checks of SQLite, which would then use a journal.
    throw busy()
  }
  const file = fileAt(fd)
  const flags = O_RDONLY | O_NONBLOCK | O_NOFOLLOW
  const guard = guards.get(file) ?? {
    file,
    descriptors: [],
    shm: open(`${database}-shm`, flags),
    users: 0,
  }
  guard.descriptors.push(fd)
  guards.set(file, guard)
  return guard
}

function closeGuard({ file, descriptors, shm }: Guard): void {
  guards.delete(file)
  if (shm >= 0) close(shm)
  for (const fd of descriptors) close(fd)
}

function fileAt(place: string | number): string {
  const status = statusOf(place)
  return typeof status === 'number' ? '' : `${status.device}/${status.inode()}`
}
