import { CanhazgpuError } from '../../../domain/errors.ts'
import { networkFilesystem } from '../../files/filesystem.ts'
import { folderOf } from './database-path.ts'

/** SQLite's write-ahead log needs shared memory between all users of the file (sqlite.org/wal.html). */
export function refuseNetworkFilesystem(path: string): void {
  const kind = networkFilesystem(folderOf(path))
  if (kind === null) return
  throw new CanhazgpuError(
    'store-unavailable',
    `The pool cannot be kept at ${path}: ${kind} is a network file system, where the database is not safe`,
    { hint: 'name a path on a local disk with --store sqlite:///path/to/pool.db' },
  )
}
