import { Database, constants as sqlite } from 'bun:sqlite'
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname } from 'node:path'
import { CanhazgpuError } from '../../../domain/errors.ts'
import { effectiveUid } from '../../kernel/libc/rights.ts'
import { bellFiles, bellFolder, wakeFile } from '../changes.ts'
import { Connection, WithoutLog } from '../connection.ts'
import { withFolderLocked } from '../locks/folder-lock.ts'
import { whenUnlocked } from '../locks/lock-wait.ts'
import { migrate } from '../schema/migrate.ts'
import { logFiles, notRegular } from './database-path.ts'
import { refuseRenamable, withFreshFolder } from './fresh-folder.ts'
import {
  type Audience,
  audienceOf,
  shareFile,
  shareFolder,
  sharePoolFiles,
  statsOf,
  syncFolders,
  updateFolderMode,
} from './pool-files.ts'

/** Creates an empty pool for the audience, or shares an existing one with it and upgrades its schema. */
export async function createPool(path: string, audience: Audience): Promise<void> {
  await setUpFiles(path, audience)
  // While other processes open or close the database, SQLite may refuse at once, whatever its busy timeout.
  const upgrade = () =>
    whenUnlocked(path, undefined, (waitMs) => new Connection(path, { waitMs, create: true }).close())
  try {
    await upgrade()
  } catch (error) {
    if (!(error instanceof WithoutLog)) throw error
    await addLog(path)
    await upgrade()
  }
  sharePoolFiles(path, audience)
}

async function setUpFiles(path: string, audience: Audience): Promise<void> {
  const folder = dirname(path)
  const firstMade = makeFolders(folder, audience)
  await withFolderLocked(folder, () => {
    updateFolderMode(path, audience)
    refuseRenamable(path)
    if (hasDatabase(path)) repairExisting(path, audience)
    else createFiles(path, audience)
  })
  syncFolders(folder, firstMade === undefined ? folder : dirname(firstMade))
}

/** For root: removes foreign files at the paths of the pool's files, and sets their owners and modes. */
export async function replaceForeignFiles(path: string): Promise<void> {
  const audience = audienceOf(statsOf(path, path))
  if (audience !== null) await setUpFiles(path, audience)
}

/** Converts a database without a write-ahead log: a copy with a log replaces it. */
export async function addLog(path: string): Promise<void> {
  const stats = statsOf(path, path)
  const audience = audienceOf(stats)
  await withFolderLocked(dirname(path), () =>
    withFreshFolder(path, (fresh) => {
      const copy = `${fresh}/pool.db`
      copyFileSync(path, copy, constants.COPYFILE_EXCL)
      // Another process was first, and the log may already hold commits that the copy lacks.
      if (hasLog(copy)) return
      writeAheadLog(copy)
      chmodSync(copy, stats.mode & 0o7777)
      if (audience !== null) shareFile(copy, copy, { audience, owner: stats.uid })
      renameSync(copy, path)
    }),
  )
  syncFolders(dirname(path), dirname(path))
}

/** Reads the file format version in the header (sqlite.org/fileformat2.html). */
function hasLog(database: string): boolean {
  return readFileSync(database)[18] === 2
}

/** Creates missing folders that every user can search, whatever the umask. Returns the first one created. */
function makeFolders(folder: string, audience: Audience): string | undefined {
  const firstMade = mkdirSync(folder, { recursive: true })
  if (firstMade === undefined) return undefined
  for (let made = folder; made !== firstMade; made = dirname(made)) chmodSync(dirname(made), 0o755)
  shareFolder(folder, audience)
  return firstMade
}

/** Whether there is a database. An earlier release left an empty file when it was killed. */
function hasDatabase(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return false
  if (stats.isSymbolicLink()) throw isLink(path)
  if (!stats.isFile() || stats.nlink > 1) throw notRegular(path, path)
  return stats.size > 0
}

/** Removes foreign files beside an existing database, creates missing ones, and sets owners and modes. */
function repairExisting(path: string, audience: Audience): void {
  withFreshFolder(path, (fresh) => {
    for (const file of [...logFiles(path), wakeFile(path), bellFolder(path)]) {
      if (isForeign(file, path)) moveAway(file, `${fresh}/${basename(file)}`)
    }
  })
  makeBells(path, audience)
  sharePoolFiles(path, audience)
}

/** Whether there is a file at this path that is not ours. */
function isForeign(file: string, database: string): boolean {
  const stats = lstatSync(file, { throwIfNoEntry: false })
  if (stats === undefined) return false
  if (file !== bellFolder(database)) return !stats.isFile() || stats.nlink > 1
  if (!stats.isDirectory() || !bellOwners(database).includes(stats.uid)) return true
  return bellFiles(database).some((bell) => isForeign(bell, database))
}

/**
 * Creates the files in a folder that only we can write, then moves them to their paths, the database last. So no
 * foreign file is opened, and no other process sees an incomplete pool.
 */
function createFiles(path: string, audience: Audience): void {
  withFreshFolder(path, (fresh) => {
    const made = `${fresh}/pool.db`
    writeFileSync(made, '', { flag: 'wx', mode: 0o600 })
    fillPool(made, audience)
    const endings = ['-wal', '-shm', '-wake', '-bells', '']
    for (const ending of endings) moveAway(path + ending, `${fresh}/old${ending}`)
    for (const ending of endings) renameSync(made + ending, path + ending)
  })
}

/** Completes the files of a new pool: tables, log and bells, for the audience and on the disk. */
export function fillPool(made: string, audience: Audience): void {
  writeAheadLog(made)
  makeBells(made, audience)
  for (const file of [...logFiles(made), made]) shareFile(made, file, { audience, owner: effectiveUid() })
}

function moveAway(from: string, to: string): void {
  if (lstatSync(from, { throwIfNoEntry: false }) !== undefined) renameSync(from, to)
}

/** Creates the tables of an empty database, and the files of a write-ahead log. */
function writeAheadLog(path: string): void {
  const db = new Database(path, { readwrite: true, create: false, strict: true })
  try {
    db.run('PRAGMA journal_mode = WAL')
    db.run('PRAGMA journal_size_limit = 0')
    db.fileControl(sqlite.SQLITE_FCNTL_PERSIST_WAL, 1)
    if (db.query('SELECT 1 FROM sqlite_master').get() !== null) return
    db.transaction(() => {
      migrate(db, 0)
    }).immediate()
  } finally {
    db.close()
  }
}

/**
 * Creates the files that announce commits: see changes.ts. A user who can create files beside the database may replace
 * the folder with a link meanwhile, so the folder is used through a descriptor.
 */
function makeBells(path: string, audience: Audience): void {
  const folder = bellFolder(path)
  if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) mkdirSync(folder, { mode: 0o755 })
  makeFile(path, wakeFile(path), audience)
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    if (!bellOwners(path).includes(fstatSync(fd).uid)) throw notRegular(path, folder)
    for (const bell of bellFiles(path)) makeFile(path, `/proc/self/fd/${fd}/${basename(bell)}`, audience)
    fchmodSync(fd, 0o755)
  } finally {
    closeSync(fd)
  }
}

const bellOwners = (database: string): readonly number[] => [lstatSync(dirname(database)).uid, effectiveUid()]

function makeFile(database: string, file: string, audience: Audience): void {
  if (lstatSync(file, { throwIfNoEntry: false }) !== undefined) return
  writeFileSync(file, '', { flag: 'wx', mode: 0o600 })
  shareFile(database, file, { audience, owner: effectiveUid() })
}

function isLink(path: string): CanhazgpuError {
  return new CanhazgpuError('store-unavailable', `The pool ${path}, or a file beside it, is a link`, {
    hint: 'use the target of the link with --store',
  })
}
