import { lstatSync, readdirSync, type Stats, statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Problem } from '../../../domain/pool/soundness.ts'
import { printable } from '../../../domain/text/text.ts'
import { readText } from '../../kernel/procfs.ts'
import { bellFolder } from '../changes.ts'
import { logFiles, REPAIRED_BY_ROOT } from './database-path.ts'
import { type Audience, audienceOf, companionFiles, isClosed, isPoolName } from './pool-files.ts'

/** Finds what keeps intended users from the pool, and what lets users damage it. Opens no file. */
export function accessProblems(path: string): readonly Problem[] {
  const database = lstatSync(path)
  const folder = statSync(dirname(path))
  return [
    ...ownerProblems(path, database, folder),
    ...databaseProblems(path, database, folder),
    ...companionFiles(path).flatMap((file) => companionProblems(path, file, database)),
    ...bellProblems(path, database),
    ...folderProblems(dirname(path), folder, audienceOf(database)),
    ...unknownNames(path, database, folder),
  ]
}

/** The name of the Unix group that the database is shared with; null for every user, or only its owner. */
export function groupOf(path: string): string | null {
  const audience = audienceOf(statSync(path))
  if (audience?.kind !== 'group') return null
  const line = readText('/etc/group')
    ?.split('\n')
    .find((each) => each.split(':')[2] === String(audience.gid))
  return line?.split(':')[0] ?? `gid ${audience.gid}`
}

/** Log files that are not regular files, so SQLite must not open them. */
export const unopenableFiles = (path: string): readonly string[] =>
  logFiles(path).filter((file) => {
    const stats = statsIfVisible(file)
    return stats !== undefined && !isRegular(stats)
  })

/** A user who puts a database into a folder of root must not own its other files. */
function ownerProblems(path: string, database: Stats, folder: Stats): readonly Problem[] {
  const owners = [database.uid, folder.uid].filter((uid) => uid !== 0)
  if (owners.length === 0 || database.uid === folder.uid) return []
  const what =
    database.uid === 0
      ? `${dirname(path)} belongs to uid ${folder.uid}, who can replace the database of root`
      : `${path} belongs to uid ${database.uid}, who can remove it`
  return [
    access(
      what,
      "a pool in a folder of root belongs to root: 'sudo canhazgpu admin --gpus <count> --force' takes it over",
    ),
  ]
}

function databaseProblems(path: string, database: Stats, folder: Stats): readonly Problem[] {
  const audience = audienceOf(database)
  if ((audience !== null && audience.kind !== 'owner') || isClosed(folder)) return []
  const what = `${path} can be written only by its owner (mode ${modeOf(database)})`
  return [access(what, `'sudo chmod 666 ${path}' gives it to every user`)]
}

function companionProblems(path: string, file: string, database: Stats): readonly Problem[] {
  const audience = audienceOf(database)
  if (audience === null) return []
  const stats = statsIfVisible(file)
  if (stats === undefined) {
    // The owner of a pool or a back-up that nobody else uses creates its log.
    if (audience.kind === 'owner' || !logFiles(path).includes(file)) return []
    return [access(`${file} is missing, and only root can create it`, REPAIRED_BY_ROOT)]
  }
  if (!isRegular(stats)) {
    return [access(`${file} is not a regular file with one name`, REPLACED_BY_ADMIN)]
  }
  if (isSharedWith(audience, audienceOf(stats)) && stats.uid === database.uid) return []
  const what = `${file} has the wrong owner or mode (owner ${stats.uid}:${stats.gid}, mode ${modeOf(stats)})`
  const mode = audience.kind === 'everyone' ? '666' : '660'
  const owner = `${database.uid}:${database.gid}`
  return [
    access(
      what,
      isOwnedByFolder(path, database)
        ? `'sudo chown ${owner} ${file} && sudo chmod ${mode} ${file}' repairs it`
        : `check the owner of ${path} first`,
    ),
  ]
}

function bellProblems(path: string, database: Stats): readonly Problem[] {
  const folder = bellFolder(path)
  const stats = statsIfVisible(folder)
  const what = stats && bellFault(stats, database)
  return what === undefined ? [] : [access(`${folder} ${what}`, REPLACED_BY_ADMIN)]
}

function bellFault(folder: Stats, database: Stats): string | undefined {
  if (!folder.isDirectory()) return 'is not a folder'
  if (![0, database.uid].includes(folder.uid)) return `belongs to uid ${folder.uid}`
  return (folder.mode & 0o022) === 0 ? undefined : `can be changed by others (mode ${modeOf(folder)})`
}

const REPLACED_BY_ADMIN = "any 'sudo canhazgpu admin' command except --check replaces it"

const isOwnedByFolder = (path: string, { uid }: Stats): boolean =>
  uid === 0 || uid === statSync(dirname(path)).uid

const isSharedWith = (audience: Audience, actual: Audience | null): boolean =>
  actual?.kind === 'everyone' ||
  audience.kind === 'owner' ||
  (actual?.kind === 'group' && audience.kind === 'group' && actual.gid === audience.gid)

function folderProblems(folder: string, stats: Stats, audience: Audience | null): readonly Problem[] {
  const mode = audience?.kind === 'group' ? '750' : '755'
  const isSticky = (stats.mode & 0o1000) !== 0
  if ((stats.mode & 0o022) !== 0) {
    const what = isSticky
      ? 'lets users other than its owner create files beside the database'
      : 'lets users other than its owner delete or replace the database'
    return [access(`${folder} ${what} (mode ${modeOf(stats)})`, `'sudo chmod ${mode} ${folder}' prevents it`)]
  }
  if (audience?.kind === 'everyone' && (stats.mode & 0o001) === 0) {
    return [
      access(
        `${folder} is closed to users of the database (mode ${modeOf(stats)})`,
        `'sudo chmod 755 ${folder}' opens it`,
      ),
    ]
  }
  if (
    audience?.kind === 'group' &&
    (stats.mode & 0o001) === 0 &&
    (stats.gid !== audience.gid || (stats.mode & 0o010) === 0)
  ) {
    return [
      access(
        `${folder} is closed to the group that may use the database (mode ${modeOf(stats)})`,
        `'sudo chgrp ${audience.gid} ${folder} && sudo chmod 750 ${folder}' opens it`,
      ),
    ]
  }
  return []
}

/** Unknown files whose names begin with that of the database, and files of other users in its folder. */
function unknownNames(path: string, database: Stats, folder: Stats): readonly Problem[] {
  const place = dirname(path)
  return readdirSync(place)
    .filter((name) => !isPoolName(path, name))
    .filter((name) => {
      if (name.startsWith(basename(path))) return true
      const owner = statsIfVisible(`${place}/${name}`)?.uid
      return owner !== undefined && ![0, database.uid, folder.uid].includes(owner)
    })
    .map((name) => {
      const file = printable(`${place}/${name}`)
      return access(
        `${file} is beside the database, and canhazgpu did not create it`,
        `see what it is with 'ls -ld ${file}' and remove it`,
      )
    })
}

const access = (what: string, remedy: string): Problem => ({ kind: 'access', what, remedy })

function statsIfVisible(file: string): Stats | undefined {
  try {
    return lstatSync(file)
  } catch {
    // The file is missing, or its folder is closed to this process, which is reported for the folder.
    return undefined
  }
}

const isRegular = (stats: Stats): boolean => stats.isFile() && stats.nlink === 1

const modeOf = ({ mode }: Stats): string => (mode & 0o7777).toString(8)
