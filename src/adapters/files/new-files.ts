import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname, resolve } from 'node:path'
import { CanhazgpuError } from '../../domain/errors.ts'
import type { Files } from '../diagnosis/recorded-files.ts'
import { foreignStep, isRoot } from './ownership.ts'

/** Only the account that runs the doctor may read what it writes. */
const FILE_MODE = 0o600
const FOLDER_MODE = 0o700

/**
 * Throws what writing a new file or folder at this path would throw now. Long work before the writing calls it first; the
 * writing decides again.
 */
export function refuseTaken(path: string): void {
  const named = placeFor(path)
  if (lstatSync(named, { throwIfNoEntry: false }) !== undefined) throw existsAlready(named)
  try {
    accessSync(dirname(named), constants.W_OK)
  } catch (cause) {
    throw cannotWrite(named, cause)
  }
}

/** Writes an archive (.tar.gz). Throws `failure` if something is at this path, a link included. */
export function writeArchive(path: string, files: Files): Promise<string> {
  return writeNewFile(path, () => new Bun.Archive({ ...files }, { compress: 'gzip' }).bytes())
}

/** Writes a file that only this account can read. Throws `failure` if something is at this path, a link included. */
export async function writeNewFile(
  path: string,
  contents: () => Uint8Array | Promise<Uint8Array>,
): Promise<string> {
  const named = placeFor(path)
  const fd = created(named, () => openSync(named, 'wx', FILE_MODE))
  try {
    writeWhole(fd, await contents())
    fsyncSync(fd)
  } catch (cause) {
    rmSync(named, { force: true })
    throw cause instanceof CanhazgpuError ? cause : cannotWrite(named, cause)
  } finally {
    closeSync(fd)
  }
  return named
}

/** Writes a folder. Throws `failure` if something is at this path, a link included. */
export function writeFolder(path: string, files: Files): string {
  const named = placeFor(path)
  created(named, () => mkdirSync(named, FOLDER_MODE))
  try {
    for (const folder of new Set(Object.keys(files).map((file) => dirname(file)))) {
      if (folder !== '.') mkdirSync(`${named}/${folder}`, { recursive: true, mode: FOLDER_MODE })
    }
    for (const [file, text] of Object.entries(files)) {
      const fd = openSync(`${named}/${file}`, 'wx', FILE_MODE)
      try {
        writeWhole(fd, Buffer.from(text))
      } finally {
        closeSync(fd)
      }
    }
  } catch (cause) {
    rmSync(named, { recursive: true, force: true })
    throw cannotWrite(named, cause)
  }
  return named
}

function writeWhole(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
}

/** Throws `permission-denied` if another user could lead root to another place. */
function placeFor(path: string): string {
  const named = resolve(path)
  const step = isRoot() ? foreignStep(named) : null
  if (step === null) return named
  throw new CanhazgpuError(
    'permission-denied',
    `Root does not write ${named}: another user (uid ${step.uid}) controls ${step.path}`,
    { hint: 'name a place in /root or directly in /tmp' },
  )
}

function created<Result>(path: string, create: () => Result): Result {
  try {
    return create()
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'))
      throw cannotWrite(path, cause)
    throw existsAlready(path, cause)
  }
}

function existsAlready(path: string, cause?: unknown): CanhazgpuError {
  return new CanhazgpuError('failure', `${path} exists already`, { hint: 'name another place', cause })
}

function cannotWrite(path: string, cause: unknown): CanhazgpuError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new CanhazgpuError('failure', `Cannot write ${path}: ${reason}`, { cause })
}
