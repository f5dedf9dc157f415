import { CanhazgpuError } from '../../../domain/errors.ts'
import { isRoot } from '../../files/ownership.ts'
import { ENOENT, ENOTDIR } from '../../kernel/libc/errno.ts'
import { errorText } from '../../kernel/libc/library.ts'
import {
  access,
  type FileStatus,
  realPath,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  statusOf,
  W_OK,
} from '../../kernel/libc/paths.ts'
import { effectiveUid } from '../../kernel/libc/rights.ts'
import { storeError } from '../sqlite-errors.ts'

export const folderOf = (database: string): string => database.slice(0, database.lastIndexOf('/')) || '/'

/** The files that SQLite keeps beside the database while the pool exists. */
export const logFiles = (database: string): readonly string[] => [`${database}-wal`, `${database}-shm`]

/**
 * The path of the database, with links resolved. Throws `pool-not-initialized` if there is no database, and another
 * error if it is not visible or not a regular file.
 */
export function findDatabase(path: string): string {
  const status = statusOf(path)
  if (typeof status === 'number') throw missing(path, status)
  if (isOf(status, S_IFLNK)) {
    const target = realPath(path)
    if (target === null) throw notInitialized(path)
    return findDatabase(target)
  }
  if (isOf(status, S_IFDIR)) throw isFolder(path)
  if (!isOf(status, S_IFREG)) throw notRegular(path, path)
  return path
}

/**
 * Checks the log before SQLite opens it, without opening a file. An ordinary user cannot create a log that every user
 * can open. A pipe or a link at its path must not be opened.
 */
export function checkLog(database: string): void {
  const pool = statusOf(database)
  if (typeof pool === 'number') throw missing(database, pool)
  const mayCreate = isRoot() || effectiveUid() === pool.uid
  for (const file of logFiles(database)) {
    const status = statusOf(file)
    if (typeof status !== 'number') {
      if (!isOf(status, S_IFREG) || status.links > 1) throw notRegular(database, file)
      if (status.uid !== pool.uid) throw unusableLog(database, `${file} belongs to another user`)
      if (!mayCreate && (pool.mode & ~status.mode & READ_AND_WRITE) !== 0) {
        throw unusableLog(database, `${file} is closed to users of the pool`)
      }
    } else if (status === -ENOENT && !mayCreate) {
      throw unusableLog(database, `${file} is missing and only root can create it`)
    }
  }
}

/** The permissions of owner, group and others. */
const READ_AND_WRITE = 0o666

const isOf = ({ mode }: FileStatus, type: number): boolean => (mode & S_IFMT) === type

/** The remedy for users of a pool without its log. */
export const REPAIRED_BY_ROOT = "run 'sudo canhazgpu status', which repairs it"

function unusableLog(database: string, why: string): CanhazgpuError {
  return new CanhazgpuError('store-unavailable', `The pool ${database} cannot be opened: ${why}`, {
    hint: REPAIRED_BY_ROOT,
  })
}

function isFolder(path: string): CanhazgpuError {
  return new CanhazgpuError('store-unavailable', `The pool ${path} cannot be opened: it is a folder`, {
    hint: `name a file in it, such as ${path}/pool.db`,
  })
}

export function notRegular(database: string, file: string): CanhazgpuError {
  return new CanhazgpuError(
    'store-unavailable',
    `The pool ${database} cannot be opened: ${file} is not a regular file with one name`,
    {
      hint: `see what it is with 'ls -ld ${file}' and remove it; any 'sudo canhazgpu admin' command except --check removes it if it is beside the database`,
    },
  )
}

/** The command in the message starts with `sudo` if this process could not create the pool. */
export function notInitialized(path: string): CanhazgpuError {
  const sudo = mayCreateIn(folderOf(path)) ? '' : 'sudo '
  return new CanhazgpuError(
    'pool-not-initialized',
    `GPU pool not initialized - run '${sudo}canhazgpu admin --gpus <count>' first`,
  )
}

/** Whether this process may write to this folder or, if it is missing, to the first existing folder above it. */
function mayCreateIn(folder: string): boolean {
  const failure = access(folder, W_OK)
  return failure === -ENOENT && folder !== '/' ? mayCreateIn(folderOf(folder)) : failure === 0
}

/** The error for a file that is missing, or in a folder that is closed to this process. */
function missing(path: string, failure: number): CanhazgpuError {
  if (failure === -ENOENT || failure === -ENOTDIR) return notInitialized(path)
  return storeError(path, Object.assign(new Error(errorText(-failure)), { code: 'EACCES' }))
}
