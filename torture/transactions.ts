import { readFileSync, statSync } from 'node:fs'

/** The byte of the `-shm` file that a writer locks for its whole transaction (sqlite.org/walformat.html). */
const WRITE_LOCK = 120

/** The process that has the write lock of a database in WAL mode now, by `/proc/locks`. */
export function writerOf(database: string): number | null {
  const inode = String(statSync(`${database}-shm`).ino)
  for (const line of readFileSync('/proc/locks', 'latin1').split('\n')) {
    const [, kind, , access, pid = '', file = '', first, last] = line.replace(' ->', '').trim().split(/\s+/)
    if (kind !== 'POSIX' || access !== 'WRITE' || !file.endsWith(`:${inode}`)) continue
    // An arrow marks a process that only waits for the lock.
    if (!line.includes('->') && Number(first) <= WRITE_LOCK && WRITE_LOCK <= Number(last)) return Number(pid)
  }
  return null
}
