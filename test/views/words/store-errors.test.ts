import { Database } from 'bun:sqlite'
import { tmpdir } from 'node:os'
import { corrupt, tooNew, tooOld, wrongValue } from '../../../src/adapters/store/document/damage.ts'
import { findDatabase, notInitialized, notRegular } from '../../../src/adapters/store/files/database-path.ts'
import { busyError } from '../../../src/adapters/store/locks/lock-holder.ts'
import { storePlace } from '../../../src/adapters/store/open.ts'
import { MIGRATIONS } from '../../../src/adapters/store/schema/migrations.ts'
import { checkSchema } from '../../../src/adapters/store/schema/schema.ts'
import { replaced, storeError } from '../../../src/adapters/store/sqlite-errors.ts'
import { testErrors } from './error-line.ts'

const DB = '/srv/pool.db'

const DAMAGED =
  "'sudo canhazgpu admin --check' shows the damage; with '--gpus <count> --force' it creates a new pool and keeps what can be read"
const READ_ONLY =
  "check whether its disk is mounted read-only; 'sudo canhazgpu status' repairs a log that belongs to another user"
const QUOTA = "see 'sudo quota -s OWNER' and dmesg; nothing was changed"
const MAYBE_OVER_QUOTA = `The pool ${DB} cannot be written: the disk quota of its owner is used up, or the disk fails - ${QUOTA}`

/** The error for an error of SQLite or of the system with this code. */
const failed = (code: string) => () => storeError(DB, Object.assign(new Error('some words'), { code }))

/** A pool's tables and one table that canhazgpu did not create. */
function foreignDatabase(): Database {
  const db = new Database(':memory:')
  for (const migration of MIGRATIONS) db.run(migration)
  db.run(`PRAGMA user_version = ${MIGRATIONS.length}`)
  db.run('CREATE TABLE notes (text)')
  return db
}

testErrors([
  [
    'config-invalid',
    "Invalid store 'redis' - expected sqlite:///absolute/path/to/pool.db",
    () => storePlace('redis'),
  ],
  [
    'pool-not-initialized',
    "GPU pool not initialized - run 'canhazgpu admin --gpus <count>' first",
    () => notInitialized(`${tmpdir()}/pool.db`),
  ],
  [
    'store-unavailable',
    'The pool /etc cannot be opened: it is a folder - name a file in it, such as /etc/pool.db',
    () => findDatabase('/etc'),
  ],
  [
    'store-unavailable',
    `The pool ${DB} cannot be opened: ${DB}-wal is not a regular file with one name - see what it is with 'ls -ld ${DB}-wal' and remove it; any 'sudo canhazgpu admin' command except --check removes it if it is beside the database`,
    () => notRegular(DB, `${DB}-wal`),
  ],
  ['store-corrupt', `The stored pool is damaged (not JSON) - ${DAMAGED}`, () => corrupt('not JSON')],
  [
    'store-corrupt',
    `The stored pool is damaged (wrong value at units.0.id) - ${DAMAGED}`,
    () => wrongValue('.units.0.id'),
  ],
  ['store-corrupt', `The pool ${DB} is damaged (some words) - ${DAMAGED}`, failed('SQLITE_NOTADB')],
  [
    'store-foreign',
    `The pool ${DB} contains objects that canhazgpu did not create: foreign table notes - any 'sudo canhazgpu admin' command except --check removes it and keeps the reservations`,
    () => checkSchema(foreignDatabase(), DB),
  ],
  [
    'store-too-new',
    'The pool was written by a newer canhazgpu (schema version 9) - upgrade this canhazgpu',
    () => tooNew('schema version 9'),
  ],
  [
    'store-too-old',
    `The pool ${DB} was written by an older canhazgpu, and only a new command upgrades it - any command by an account that may write it upgrades it, such as 'sudo canhazgpu status'`,
    () => tooOld(DB, 'kept'),
  ],
  [
    'store-too-old',
    `The pool ${DB} was written by an older canhazgpu and is read-only here, so it cannot be upgraded - any command by an account that may write it upgrades it, such as 'sudo canhazgpu status'`,
    () => tooOld(DB, 'read-only'),
  ],
  [
    'store-busy',
    `The pool ${DB} stayed locked by another process - find it with 'sudo fuser -v ${DB}' and try again`,
    () => busyError(DB, null),
  ],
  ['store-unavailable', `The pool ${DB} was removed or replaced - try again`, () => replaced(DB)],
  ['store-unavailable', `The pool ${DB} was removed or replaced - try again`, failed('ENOENT')],
  [
    'store-unavailable',
    `The pool ${DB}, or a file beside it, is a link - use the target of the link with --store`,
    failed('ELOOP'),
  ],
  ['store-unavailable', `The disk quota for the pool ${DB} is used up - ${QUOTA}`, failed('EDQUOT')],
  ['store-unavailable', MAYBE_OVER_QUOTA, failed('SQLITE_IOERR_WRITE')],
  // The files that SQLite creates when it opens a pool.
  ['store-unavailable', MAYBE_OVER_QUOTA, failed('SQLITE_IOERR_SHMOPEN')],
  ['store-unavailable', MAYBE_OVER_QUOTA, failed('SQLITE_IOERR_SHMSIZE')],
  [
    'store-unavailable',
    `The pool ${DB} exceeds the file size limit of this process - raise the limit with 'ulimit -f unlimited', or LimitFSIZE= of the service; nothing was changed`,
    failed('EFBIG'),
  ],
  [
    'store-unavailable',
    `The disk that holds the pool ${DB} is full - free some space there; nothing was changed`,
    failed('ENOSPC'),
  ],
  ['store-unavailable', `The pool ${DB} cannot be written: it is read-only - ${READ_ONLY}`, failed('EROFS')],
  [
    'permission-denied',
    `No permission to use the pool ${DB} - ask its administrator which group may use it, or name another pool with --store`,
    failed('EACCES'),
  ],
  ['store-unavailable', `The pool ${DB} cannot be used: some words`, failed('EIO')],
])
