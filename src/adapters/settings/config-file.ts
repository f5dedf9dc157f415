import { CanhazgpuError } from '../../domain/errors.ts'
import { MACHINE_FILE, SETTINGS } from '../../domain/settings.ts'
import type { Warn, Warning } from '../../domain/warnings.ts'
import { foreignStep, isQuotable, isRoot, isRootOwner } from '../files/ownership.ts'
import { type NotRead, readExamined } from '../files/small-file.ts'
import { ENOENT } from '../kernel/libc/errno.ts'
import { type FileStatus, findPath, S_IFIFO, S_IFMT, S_IFREG } from '../kernel/libc/paths.ts'
import { effectiveUid } from '../kernel/libc/rights.ts'

export interface FileSources {
  readonly env: Readonly<Record<string, string | undefined>>
  /** `--config`; this file must exist. */
  readonly configFile?: string
  /** Called for a file that is not used. */
  readonly warn: Warn
}

export interface ConfigFile {
  readonly path: string
  readonly values: Readonly<Record<string, unknown>>
  /** Whether an error may quote the file's contents. */
  readonly quotable: boolean
  /** The users besides its owner who can read it. A group through which this process reads it does not count. */
  readonly readers?: 'everyone' | 'its group' | undefined
}

/** The contents of these files, in their order. Throws `config-invalid`. */
export function configFiles(
  paths: readonly string[],
  { configFile, warn }: Pick<FileSources, 'configFile' | 'warn'>,
): readonly ConfigFile[] {
  const files: ConfigFile[] = []
  for (const path of paths) {
    const read = path === configFile ? readNamed(path) : readDefault(path, warn)
    if (read === null) continue
    const quotable = isQuotable(read.status)
    files.push({ path, quotable, readers: readersOf(read.status), values: parseConfig(path, read.text) })
  }
  return files
}

const GROUP_READS = 0o040
const GROUP_WRITE = 0o020
const OTHERS_READ = 0o004
const OTHERS_WRITE = 0o002

function readersOf({ uid, mode }: FileStatus): ConfigFile['readers'] {
  if ((mode & S_IFMT) !== S_IFREG) return undefined
  if ((mode & OTHERS_READ) !== 0) return 'everyone'
  const isOurs = uid === effectiveUid() || isRoot()
  return isOurs && (mode & GROUP_READS) !== 0 ? 'its group' : undefined
}

/** A warning for each file with a password that others can read. */
export function exposedPasswords(files: readonly ConfigFile[]): readonly Warning[] {
  return files.flatMap(({ path, values, readers }) => {
    const keys = [SETTINGS.webToken, SETTINGS.webBasic].map(({ key }) => key).filter((key) => key in values)
    if (readers === undefined || keys.length === 0) return []
    const remedy =
      path === MACHINE_FILE
        ? 'move them to a file that only this service can read, named with --config'
        : `run 'chmod 600 ${path}'`
    const message = `${keys.join(' and ')} in ${path} can be read by ${readers}: ${remedy}`
    return [{ code: 'password-exposed', message }]
  })
}

type ReadFile = Exclude<ReturnType<typeof readExamined>, NotRead>

function readNamed(path: string): ReadFile {
  const read = readExamined(path, MOST_BYTES, refusal)
  if ('text' in read) return read
  const hint =
    read.kind === 'refused' ? { hint: `give it to root: 'chown root ${path} && chmod o-w ${path}'` } : {}
  throw new CanhazgpuError('config-invalid', unreadable(path, read), hint)
}

function readDefault(path: string, warn: FileSources['warn']): ReadFile | null {
  const read = readExamined(
    path,
    MOST_BYTES,
    (status) => refusal(status) ?? notAFile(status) ?? chosenByAnother(path),
  )
  if ('text' in read) return read
  // It was removed since this program looked for it.
  if (read.kind === 'failed' && findPath(path) === -ENOENT) return null
  if (read.kind !== 'refused')
    throw new CanhazgpuError('config-invalid', unreadable(path, read), remedyFor(path))
  warn({ code: 'config-skipped', message: `the configuration ${path} is skipped: ${read.reason}` })
  return null
}

/** An unreadable file of the machine is an error, because without it a command could use another pool than all others. */
function remedyFor(path: string): { readonly hint?: string } {
  if (path !== MACHINE_FILE || isRoot()) return {}
  const folder = path.slice(0, path.lastIndexOf('/'))
  return {
    hint: `an administrator makes it readable with 'sudo chmod a+rX ${folder} ${path}'; a password of 'web' belongs in another file, named with --config`,
  }
}

/** If `$HOME` is kept (`sudo -E`, `su -m`), root would otherwise use another user's file. */
function refusal({ uid, gid, mode }: FileStatus): string | undefined {
  if (!isRoot()) return undefined
  if (!isRootOwner(uid)) return `it belongs to another user (uid ${uid})`
  if ((mode & S_IFMT) !== S_IFREG) return undefined
  if ((mode & OTHERS_WRITE) !== 0) return 'every user can change it'
  return (mode & GROUP_WRITE) !== 0 && gid !== 0 ? `its group (gid ${gid}) can change it` : undefined
}

/** In a folder of another user, that user chooses the file: a symbolic or hard link can make it any file of root. */
function chosenByAnother(path: string): string | undefined {
  const step = isRoot() ? foreignStep(path) : null
  return step === null
    ? undefined
    : `another user (uid ${step.uid}) can change through ${step.path} which file it is`
}

/** A link may lead root to a device, and opening some devices has an effect. */
function notAFile({ mode }: FileStatus): string | undefined {
  const type = mode & S_IFMT
  return isRoot() && type !== S_IFREG && type !== S_IFIFO ? 'it is not a regular file' : undefined
}

function unreadable(path: string, read: NotRead): string {
  const why = read.kind === 'too-large' ? `it has more than ${MOST_BYTES} bytes` : read.reason
  return `Cannot read the configuration ${path}: ${why}`
}

/** Much more than all settings need. The limit exists because long keys slow the parsers down. */
const MOST_BYTES = 64 * 1024

/** Parses YAML, TOML or JSON by the file's extension. Throws `config-invalid` unless it holds keys and values. */
export function parseConfig(path: string, text: string): Readonly<Record<string, unknown>> {
  const values = parseByEnding(path, text)
  if (values === null || values === undefined) return {}
  if (typeof values !== 'object' || Array.isArray(values)) {
    throw new CanhazgpuError('config-invalid', `Invalid configuration ${path}: expected keys and values`)
  }
  return flattened(Object.entries(values))
}

function flattened(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const whole = Object.values(SETTINGS).map(({ key }) => key)
  return Object.fromEntries(
    entries.flatMap(([key, value]) => {
      const isSection = typeof value === 'object' && value !== null && !Array.isArray(value)
      const inner = isSection && !whole.includes(key) ? Object.entries(value) : []
      return inner.length === 0
        ? [[key, value] as const]
        : inner.map(([name, each]) => [`${key}.${name}`, each] as const)
    }),
  )
}

function parseByEnding(path: string, text: string): unknown {
  const [language, parse] = languageOf(path)
  try {
    return parse(text)
  } catch (cause) {
    // The parser's own message may quote the file.
    const line = faultyLine(text, parse)
    const where = line === undefined ? '' : ` (line ${line})`
    throw new CanhazgpuError(
      'config-invalid',
      `Cannot parse the configuration ${path}: no valid ${language}${where}`,
      {
        cause,
      },
    )
  }
}

function languageOf(path: string): readonly ['TOML' | 'JSON' | 'YAML', (text: string) => unknown] {
  if (path.endsWith('.toml')) return ['TOML', Bun.TOML.parse]
  if (path.endsWith('.json')) return ['JSON', JSON.parse]
  return ['YAML', Bun.YAML.parse]
}

/** The parsers report no line, so it is the line after the longest beginning that parses. */
function faultyLine(text: string, parse: (text: string) => unknown): number | undefined {
  const lines = text.split('\n')
  if (lines.length > MOST_LINES_TRIED) return undefined
  for (let valid = lines.length - 1; valid >= 0; valid--) {
    try {
      parse(`${lines.slice(0, valid).join('\n')}\n`)
      return valid + 1
    } catch {}
  }
  return undefined
}

/** Each attempt parses all earlier lines again; people's files are short. */
const MOST_LINES_TRIED = 200
