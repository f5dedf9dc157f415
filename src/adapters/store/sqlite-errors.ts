import { CanhazgpuError } from '../../domain/errors.ts'
import { shortened } from '../../domain/text/text.ts'
import { EACCES, ENOENT } from '../kernel/libc/errno.ts'
import { access, R_OK } from '../kernel/libc/paths.ts'
import { RLIMIT_FSIZE, resourceLimit } from '../kernel/libc/programs.ts'
import { effectiveUid } from '../kernel/libc/rights.ts'

/** The remedy for a damaged pool: docs/administration/recovery.md. */
export const RECOVERY =
  "'sudo canhazgpu admin --check' shows the damage; with '--gpus <count> --force' it creates a new pool and keeps what can be read"

const LONGEST_REASON = 160

/** Turns SQLite's result codes (sqlite.org/rescode.html) and the system's errors into errors for the user. */
export function storeError(path: string, cause: unknown): CanhazgpuError {
  if (cause instanceof CanhazgpuError) return cause
  const code = codeOf(cause)
  const message = shortened(cause instanceof Error ? cause.message : String(cause), LONGEST_REASON)
  // Our statements are correct, so an error in one means that the tables are not ours.
  if (/^SQLITE_(CORRUPT|NOTADB|ERROR)/.test(code)) {
    return new CanhazgpuError('store-corrupt', `The pool ${path} is damaged (${message})`, {
      hint: RECOVERY,
      cause,
    })
  }
  // The database was there when its path was checked.
  if (code === 'ENOENT' || code === 'ENOTDIR' || isRemoved(path, code)) return replaced(path)
  if (code === 'ELOOP') {
    return new CanhazgpuError('store-unavailable', `The pool ${path}, or a file beside it, is a link`, {
      hint: 'use the target of the link with --store',
      cause,
    })
  }
  if (code === 'EDQUOT') return overQuota(path, cause)
  if (code === 'EFBIG' || (code.startsWith('SQLITE_IOERR') && isFileSizeLimited())) {
    return new CanhazgpuError(
      'store-unavailable',
      `The pool ${path} exceeds the file size limit of this process`,
      {
        hint: "raise the limit with 'ulimit -f unlimited', or LimitFSIZE= of the service; nothing was changed",
        cause,
      },
    )
  }
  // SQLite has no code for an exceeded quota, and does not report the kernel's errno.
  if (/^SQLITE_IOERR_(WRITE|SHMOPEN|SHMSIZE)$/.test(code)) return overQuota(path, cause)
  if (/^(SQLITE_FULL|ENOSPC)/.test(code)) {
    return new CanhazgpuError('store-unavailable', `The disk that holds the pool ${path} is full`, {
      hint: 'free some space there; nothing was changed',
      cause,
    })
  }
  if (code === 'EROFS' || isReadOnly(cause)) {
    return new CanhazgpuError('store-unavailable', `The pool ${path} cannot be written: it is read-only`, {
      hint: "check whether its disk is mounted read-only; 'sudo canhazgpu status' repairs a log that belongs to another user",
      cause,
    })
  }
  if (/^(SQLITE_PERM|SQLITE_AUTH|EACCES|EPERM)/.test(code) || isForbidden(path, code)) {
    return new CanhazgpuError('permission-denied', `No permission to use the pool ${path}`, {
      hint: 'ask its administrator which group may use it, or name another pool with --store',
      cause,
    })
  }
  return new CanhazgpuError('store-unavailable', `The pool ${path} cannot be used: ${message}`, { cause })
}

function overQuota(path: string, cause: unknown): CanhazgpuError {
  const message =
    codeOf(cause) === 'EDQUOT'
      ? `The disk quota for the pool ${path} is used up`
      : `The pool ${path} cannot be written: the disk quota of its owner is used up, or the disk fails`
  return new CanhazgpuError('store-unavailable', message, {
    hint: "see 'sudo quota -s OWNER' and dmesg; nothing was changed",
    cause,
  })
}

const UNLIMITED = 2n ** 64n - 1n

/** Whether this process has a limit of the file size (setrlimit(2)). */
function isFileSizeLimited(): boolean {
  const limits = new BigUint64Array(2)
  return resourceLimit(RLIMIT_FSIZE, null, limits) === 0 && limits[0] !== UNLIMITED
}

/** The error if `admin` cannot create a pool. */
export function creationError(path: string, cause: unknown): CanhazgpuError {
  const error = storeError(path, cause)
  if (!/^(EACCES|EPERM)$/.test(codeOf(cause)) || effectiveUid() === 0) return error
  return new CanhazgpuError('permission-denied', `No permission to create the pool ${path}`, {
    hint: 'use sudo, or name another place with --store',
    cause,
  })
}

/** The pool is no longer at its path. */
export function replaced(path: string): CanhazgpuError {
  return new CanhazgpuError('store-unavailable', `The pool ${path} was removed or replaced`, {
    hint: 'try again',
  })
}

/** SQLite reports only that it could not open the file. */
function isForbidden(path: string, code: string): boolean {
  return code.startsWith('SQLITE_CANTOPEN') && access(path, R_OK) === -EACCES
}

/** Removed while SQLite opened the files beside it. */
function isRemoved(path: string, code: string): boolean {
  return code.startsWith('SQLITE_CANTOPEN') && access(path, R_OK) === -ENOENT
}

/** Another process holds a lock: try again. PROTOCOL: it was held during many attempts to read the log. */
export const isBusy = (cause: unknown): boolean => /^SQLITE_(BUSY|LOCKED|PROTOCOL)/.test(codeOf(cause))

/** This process may only read the database, or its disk is read-only. */
export const isReadOnly = (cause: unknown): boolean => codeOf(cause).startsWith('SQLITE_READONLY')

function codeOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : ''
  return typeof code === 'string' ? code : ''
}
