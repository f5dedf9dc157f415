import type { Database } from 'bun:sqlite'
import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname } from 'node:path'
import { CanhazgpuError } from '../../../domain/errors.ts'
import { withLimitsOfSupervisors } from '../../../domain/pool/time-limits.ts'
import { syncFolder } from '../../files/replace-file.ts'
import { announceToAll } from '../changes.ts'
import { DURABLE } from '../connection.ts'
import { decodePool, encodePool } from '../document/codec.ts'
import { MOVING } from '../document/damage.ts'
import { withFolderLocked } from '../locks/folder-lock.ts'
import { type Guarded, openGuarded } from '../locks/journal-guard.ts'
import { whenUnlocked } from '../locks/lock-wait.ts'
import { checkSchema, versionOf } from '../schema/schema.ts'
import { ensureClosedFolder } from './closed-folder.ts'
import { fillPool } from './create.ts'
import { daemonLock, isOfDaemon, lockForDaemon, unlock } from './daemon-lock.ts'
import { withFreshFolder } from './fresh-folder.ts'
import { type Audience, isClosed, isPoolName, shareFolder, sharePoolFiles } from './pool-files.ts'
import { DEFAULT_FOLDER } from './repair.ts'

/** Offset of `user_version` in the file (sqlite.org/fileformat2.html). */
const USER_VERSION_AT = 60

const LOCKED_WITHIN_MS = 2_000

/**
 * Moves the pool into new files in a closed folder. A user who has the old files open can no longer change the pool.
 * After an interruption at any point, another call completes the move. False if the files belong to a daemon already.
 */
export async function closePool(path: string): Promise<boolean> {
  const folder = dirname(path)
  if (!existsSync(folder)) ensureClosedFolder(path)
  if (isPoolClosed(path)) return false
  return withFolderLocked(folder, async () => {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) {
      shareFolder(folder, { kind: 'owner' })
      return false
    }
    await lockForDaemon(path, LOCKED_WITHIN_MS)
    await setMoving(path, true)
    announceToAll(path)
    const content = await whenUnlocked(path, undefined, (waitMs) => contentOf(path, waitMs))
    shareFolder(folder, { kind: 'owner' })
    replaceFiles(path, content)
    unlock(path)
    return true
  })
}

/** Whether the move into the daemon is complete. */
export const isPoolClosed = (path: string): boolean => isOfDaemon(path) && isClosed(statSync(dirname(path)))

/** Whether a move was interrupted. */
export const isMoving = (path: string): Promise<boolean> =>
  whenUnlocked(path, undefined, (waitMs) => withOpen(path, waitMs, ({ db }) => versionOf(db) >= MOVING))

/** Opens the files of a daemon to the users who could use them before. The daemon must not run. */
export async function openPool(path: string): Promise<boolean> {
  const folder = dirname(path)
  if (lstatSync(daemonLock(path), { throwIfNoEntry: false }) === undefined) return false
  await withFolderLocked(folder, async () => {
    await lockForDaemon(path, LOCKED_WITHIN_MS)
    const hasPool = lstatSync(path, { throwIfNoEntry: false }) !== undefined
    const audience = audienceBefore(folder)
    if (hasPool) {
      await setMoving(path, false)
      sharePoolFiles(path, audience)
    }
    shareFolder(folder, audience)
    rmSync(`${folder}/stops`, { recursive: true, force: true })
    rmSync(daemonLock(path), { force: true })
    syncFolder(folder)
    unlock(path)
  })
  return true
}

/** The group of the folder stays while the folder is closed. */
function audienceBefore(folder: string): Audience {
  const { gid } = statSync(folder)
  return gid === 0 ? { kind: 'everyone' } : { kind: 'group', gid }
}

/** Throws `permission-denied` if the folder, which is closed as a whole, has files of others. */
export function refuseOthers(path: string): void {
  const folder = dirname(path)
  if (folder === DEFAULT_FOLDER || !existsSync(folder)) return
  const other = readdirSync(folder).find((name) => !isPoolName(path, name))
  if (other === undefined) return
  throw new CanhazgpuError(
    'permission-denied',
    `The folder ${folder} cannot be closed: it also has ${folder}/${other}`,
    { hint: `move what is not the pool out of the folder, then run 'sudo canhazgpu service install' again` },
  )
}

async function setMoving(path: string, isMoving: boolean): Promise<void> {
  await whenUnlocked(path, undefined, (waitMs) =>
    withOpen(path, waitMs, ({ db }) => {
      db.run(DURABLE)
      db.transaction(() => {
        const version = versionOf(db) % MOVING
        db.run(`PRAGMA user_version = ${isMoving ? version + MOVING : version}`)
      }).immediate()
    }),
  )
}

/** The content as one file. All of it is in the database afterwards, so the log has no commit that a copy lacks. */
function contentOf(path: string, waitMs: number): Uint8Array {
  return withOpen(path, waitMs, ({ db }) => {
    const row = db
      .query<{ busy: number; log: number; checkpointed: number }, []>('PRAGMA wal_checkpoint(FULL)')
      .get()
    if (row === null || row.busy !== 0 || row.log !== row.checkpointed) throw locked()
    const content = new Uint8Array(db.serialize())
    new DataView(content.buffer).setUint32(USER_VERSION_AT, versionOf(db) % MOVING)
    return content
  })
}

/** Another process reads the log. It is not delayed by more than a transaction. */
const locked = (): Error => Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' })

function withOpen<Result>(
  path: string,
  waitMs: number,
  use: (open: Guarded & { db: Database }) => Result,
): Result {
  const open = openGuarded(path, { readonly: false, waitMs })
  try {
    return use(open)
  } finally {
    open.close()
  }
}

/**
 * The database moves last, in one step. Until then the old one is complete, with any log. Nothing is committed
 * meanwhile, because the old one is marked.
 */
function replaceFiles(path: string, content: Uint8Array): void {
  withFreshFolder(path, (fresh) => {
    const made = `${fresh}/${basename(path)}`
    writeDurably(made, content)
    fillPool(made, { kind: 'owner' })
    leaveTimeLimits(made)
    for (const ending of ['-wal', '-shm', '-wake', '-bells']) {
      if (lstatSync(path + ending, { throwIfNoEntry: false }) !== undefined) {
        renameSync(path + ending, `${fresh}/old${ending}`)
      }
      renameSync(made + ending, path + ending)
    }
    renameSync(made, path)
    syncFolder(dirname(path))
    // Supervisors learn that the pool is closed to them.
    announceToAll(`${fresh}/old`)
  })
}

/** The daemon enforces the limits that it grants as root. The supervisors of earlier jobs have their own copy of the limit. */
function leaveTimeLimits(made: string): void {
  withOpen(made, 0, ({ db }) => {
    db.run(DURABLE)
    db.transaction(() => {
      checkSchema(db, made)
      const row = db.query<{ document: string }, []>('SELECT document FROM pool').get()
      if (row === null) return
      const pool = decodePool(row.document)
      db.query('UPDATE pool SET document = ?').run(encodePool(withLimitsOfSupervisors(pool), pool.writtenAt))
    }).immediate()
    // The log must be empty while it is beside the old database.
    db.run('PRAGMA wal_checkpoint(TRUNCATE)')
  })
}

function writeDurably(file: string, content: Uint8Array): void {
  const fd = openSync(file, 'wx', 0o600)
  try {
    writeFileSync(fd, content)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
