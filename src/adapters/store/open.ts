import { CanhazgpuError } from '../../domain/errors.ts'
import type { Moment } from '../../domain/pool/model.ts'
import type { PoolOwner } from '../../domain/pool/rights.ts'
import type { Checkup } from '../../domain/pool/soundness.ts'
import { storePathIn } from '../../domain/settings.ts'
import type { OpenedPool } from '../../ports/opened-pool.ts'
import type { OnPart } from '../../ports/progress.ts'
import type { SetAside } from '../../ports/set-aside.ts'
import type { Store } from '../../ports/store.ts'
import { isRoot } from '../files/ownership.ts'
import { isOfDaemon, lockIfOfDaemon } from './files/daemon-lock.ts'
import { folderOf } from './files/database-path.ts'
import { refuseForeignPath } from './files/foreign-path.ts'
import { refuseNetworkFilesystem } from './files/network-filesystem.ts'
import type { SqliteOptions } from './sqlite.ts'

/** The place of an embedded pool, from its URL. */
export interface StorePlace {
  readonly path: string
}

/** Reads `sqlite:///absolute/path`, or the path alone. Throws `config-invalid`. */
export function storePlace(url: string): StorePlace {
  const path = storePathIn(url)
  if (path !== undefined) return { path }
  throw new CanhazgpuError(
    'config-invalid',
    `Invalid store '${url}' - expected sqlite:///absolute/path/to/pool.db`,
  )
}

/**
 * The path in the URL, if a pool can safely be there. Locks a pool of a daemon for this process. Throws
 * `store-unavailable`, `permission-denied` and `store-busy`.
 */
function safePath(url: string): string {
  const { path } = storePlace(url)
  refuseForeignPath(path)
  refuseNetworkFilesystem(path)
  lockIfOfDaemon(path)
  return path
}

/** The path of the pool, and the Unix group that it is shared with. The group is null for every user. */
export async function storedPlace(url: string): Promise<{ path: string; group: string | null }> {
  const { groupOf } = await import('./files/access.ts')
  const path = safePath(url)
  return { path, group: groupOf(path) }
}

/** The owner of the database, with links resolved. Null if there is no database. */
export async function poolOwner(url: string): Promise<PoolOwner | null> {
  const { realPath, statusOf } = await import('../kernel/libc/paths.ts')
  const path = realPath(safePath(url))
  const status = path === null ? null : statusOf(path)
  return path === null || status === null || typeof status === 'number' ? null : { uid: status.uid, path }
}

/** How a pool is opened. A new command, an administrator and a daemon upgrade it; what runs for longer must not. */
export type OpenOptions = Pick<SqliteOptions, 'patience' | 'upgrades'>

export async function openStore(
  url: string,
  now: () => Moment,
  options: OpenOptions = {},
): Promise<OpenedPool> {
  const { openSqliteStore } = await import('./sqlite.ts')
  return openSqliteStore({ path: safePath(url), now, ...options })
}

/**
 * A descriptor that becomes readable when the pool may have changed. Null if the kernel has none left. For a process
 * that sleeps for days and keeps no other file of the pool open.
 */
export async function watchStore(url: string): Promise<number | null> {
  const { realPath } = await import('../kernel/libc/paths.ts')
  const { watchChanges } = await import('./changes.ts')
  const { path } = storePlace(url)
  return watchChanges(realPath(path) ?? path)
}

/** Throws `permission-denied` if the files belong to a daemon. */
export function refusePoolOfDaemon(url: string): void {
  const { path } = storePlace(url)
  if (isOfDaemon(path))
    throw new CanhazgpuError('permission-denied', `The pool ${path} belongs to the daemon`)
}

/** Opens a pool for an administrator: removes foreign objects of its schema and, as root, foreign files beside it. */
export async function openStoreAsAdministrator(url: string, now: () => Moment): Promise<OpenedPool> {
  await removeForeign(safePath(url))
  return openStore(url, now)
}

async function removeForeign(named: string): Promise<void> {
  const { findDatabase } = await import('./files/database-path.ts')
  const { storeError } = await import('./sqlite-errors.ts')
  const path = findDatabase(named)
  try {
    if (isRoot()) {
      const { replaceForeignFiles } = await import('./files/create.ts')
      await replaceForeignFiles(path)
    }
    const { dropForeignSchema } = await import('./schema/foreign-schema.ts')
    const { whenUnlocked } = await import('./locks/lock-wait.ts')
    await whenUnlocked(path, undefined, (waitMs) => dropForeignSchema(path, waitMs))
  } catch (cause) {
    throw storeError(path, cause)
  }
}

/** Opens the store for a setup. Creates the database, for every user or for one Unix group, if necessary. */
export async function createStore(url: string, now: () => Moment, gid: number | undefined): Promise<Store> {
  const { createSqliteStore } = await import('./sqlite.ts')
  return createSqliteStore(
    { path: safePath(url), now },
    gid === undefined ? { kind: 'everyone' } : { kind: 'group', gid },
  )
}

/** A command of root may check or repair the pool while the daemon is down; the next daemon waits for it. */
const COMMAND_OF_ROOT_WITHIN_MS = 30_000

/** Opens the pool of a daemon, which alone may use its folder; creates it without a pool if necessary. */
export async function createDaemonStore(path: string, now: () => Moment): Promise<OpenedPool> {
  const { ensureClosedFolder } = await import('./files/closed-folder.ts')
  const { lockForDaemon } = await import('./files/daemon-lock.ts')
  const { createSqliteStore } = await import('./sqlite.ts')
  refuseForeignPath(path)
  refuseNetworkFilesystem(path)
  ensureClosedFolder(path)
  await lockForDaemon(path, COMMAND_OF_ROOT_WITHIN_MS)
  return createSqliteStore({ path, now }, { kind: 'owner' })
}

/** Throws if `closeStore` could not move the pool at this path: its place is unsafe, or it cannot be read. */
export async function checkClosable(path: string, now: () => Moment): Promise<void> {
  const { isPoolClosed, refuseOthers } = await import('./files/move-pool.ts')
  refuseForeignPath(path)
  refuseNetworkFilesystem(path)
  if (isPoolClosed(path)) return
  refuseOthers(path)
  await readAsAdministrator(path, now)
}

/**
 * Moves the pool into files that only a daemon of this account can open. `checkClosable` must have accepted it. False if
 * the files belong to a daemon already, or there is no pool.
 */
export async function closeStore(path: string): Promise<boolean> {
  const { closePool } = await import('./files/move-pool.ts')
  return closePool(path)
}

async function readAsAdministrator(path: string, now: () => Moment): Promise<void> {
  try {
    const store = await openStoreAsAdministrator(path, now)
    await store.load().finally(() => store.close())
  } catch (error) {
    const code = error instanceof CanhazgpuError ? error.code : undefined
    if (code === 'pool-not-initialized') return
    const { isMoving } = await import('./files/move-pool.ts')
    if (code !== 'store-too-new' || !(await isMoving(path))) throw error
  }
}

/** A daemon that was told to stop may need a moment. */
const STOPPED_WITHIN_MS = 2_000

/** Opens the pool of a daemon that was stopped. Null if its users can open the files already, or there are none. */
export async function openClosedStore(path: string, now: () => Moment): Promise<OpenedPool | null> {
  const { isPoolClosed } = await import('./files/move-pool.ts')
  const { lockForDaemon } = await import('./files/daemon-lock.ts')
  refuseForeignPath(path)
  if (!isPoolClosed(path)) return null
  await lockForDaemon(path, STOPPED_WITHIN_MS)
  return openStore(path, now)
}

/** Reverses `closeStore`: the users of the pool can open its files again. */
export async function openStoreToUsers(path: string): Promise<boolean> {
  const { openPool } = await import('./files/move-pool.ts')
  refuseForeignPath(path)
  return openPool(path)
}

/** Opens the pool of a running daemon, for a child of it that only reads. */
export async function openBesideDaemon(path: string, now: () => Moment): Promise<OpenedPool> {
  const { openSqliteStore } = await import('./sqlite.ts')
  return openSqliteStore({ path, now, upgrades: false })
}

/** Checks the pool at the URL, and changes nothing. */
export async function checkStore(url: string): Promise<Checkup> {
  const { checkUp } = await import('./schema/checkup.ts')
  return checkUp(safePath(url))
}

interface SettingAside {
  readonly now: () => Moment
  /** The group of the replacement; undefined: the previous audience. */
  readonly gid: number | undefined
  /** Reports the reading of the usage records. */
  readonly onPart: OnPart
}

/** Moves the pool away if its file is damaged. Its replacement is for the group, or for the previous audience. */
export async function setAsideStore(
  url: string,
  { now, gid, onPart }: SettingAside,
): Promise<SetAside | null> {
  const { setAsideDamaged } = await import('./files/set-aside.ts')
  const { createSqliteStore } = await import('./sqlite.ts')
  const { whenUnlocked } = await import('./locks/lock-wait.ts')
  const path = safePath(url)
  try {
    await removeForeign(path)
  } catch (error) {
    if (error instanceof CanhazgpuError && error.code === 'pool-not-initialized') return null
    throw error
  }
  const { withFolderLocked } = await import('./locks/folder-lock.ts')
  const aside = await withFolderLocked(folderOf(path), () =>
    whenUnlocked(path, undefined, () => setAsideDamaged(path, new Date(now().wall), onPart)),
  )
  if (aside === null) return null
  const { audience, ...rest } = aside
  const next = gid === undefined ? (audience ?? { kind: 'everyone' }) : { kind: 'group' as const, gid }
  return { ...rest, replace: () => createSqliteStore({ path, now }, next) }
}
