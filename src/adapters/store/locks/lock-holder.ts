import { CanhazgpuError } from '../../../domain/errors.ts'
import { shortened } from '../../../domain/text/text.ts'
import { userNames } from '../../accounts/users.ts'
import { statusOf } from '../../kernel/libc/paths.ts'
import { readText } from '../../kernel/procfs.ts'

/** The error for a lock that another process kept. It names the process if the kernel shows it. */
export async function busyError(path: string, cause: unknown): Promise<CanhazgpuError> {
  const holder = holderOf(path)
  const who = holder === null ? 'another process' : await described(holder)
  const how = holder === null ? `find it with 'sudo fuser -v ${path}'` : `see 'ps -fp ${holder}'`
  return new CanhazgpuError('store-busy', `The pool ${path} stayed locked by ${who}`, {
    hint: `${how} and try again`,
    cause,
  })
}

/**
 * SQLite's locks for writing, for the checkpoint and recovery of the log, and of readers: bytes of `-shm`
 * (walformat.html).
 */
const WAL_LOCKS = { first: 120, last: 128 }

/** SQLite's locks on the database itself that exclude others (fileformat2.html): from PENDING_BYTE on. */
const DATABASE_LOCKS = { first: 0x40000000, last: 0x40000000 + 511 }

/**
 * The pid of the process that holds the lock, found by inode: opening and closing a file of the database would drop
 * our locks.
 */
function holderOf(path: string): number | null {
  const locks = readText('/proc/locks') ?? ''
  return holderIn(locks, inodeOf(`${path}-shm`), WAL_LOCKS) ?? holderIn(locks, inodeOf(path), DATABASE_LOCKS)
}

function inodeOf(path: string): bigint | null {
  const status = statusOf(path)
  return typeof status === 'number' ? null : status.inode()
}

/** Lines are like `1: POSIX  ADVISORY  WRITE 1234 08:01:5678 120 120` (proc_locks(5)). With `->` the process waits. */
function holderIn(locks: string, inode: bigint | null, bytes: typeof WAL_LOCKS): number | null {
  for (const line of locks.split('\n')) {
    const [, pid, lockedInode, first, last] =
      /^\d+: \S+ +\S+ +WRITE (\d+) [0-9a-f]+:[0-9a-f]+:(\d+) (\d+) (\d+|EOF)/.exec(line) ?? []
    if (pid === undefined || Number(pid) <= 0 || Number(pid) === process.pid) continue
    if (lockedInode !== String(inode) || Number(first) > bytes.last) continue
    if (last !== 'EOF' && Number(last) < bytes.first) continue
    return Number(pid)
  }
  return null
}

async function described(pid: number): Promise<string> {
  const name = shortened(readText(`/proc/${pid}/comm`) ?? '', 40)
  const status = statusOf(`/proc/${pid}`)
  const known = [
    ...(name === '' ? [] : [name]),
    ...(typeof status === 'number' ? [] : [`user ${(await userNames([status.uid])).get(status.uid)}`]),
  ]
  return known.length === 0 ? `process ${pid}` : `process ${pid} (${known.join(', ')})`
}
