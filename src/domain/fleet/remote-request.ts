import { SNAPSHOT_PARTS, type SnapshotPart } from './snapshot.ts'

/**
 * What one host asks of another: the argument of `canhazgpu __remote`. Fields may be added within a version; the other
 * host then does not use them. A change of meaning needs a new version.
 */
export const REQUEST_VERSION = 1

/** Bytes as text, one character each. */
type ByteText = string

export type RemoteRequest = RemoteCommand | RemoteSnapshot

/** A part of what a host tells other hosts. */
export interface RemoteSnapshot {
  readonly operation: 'snapshot'
  readonly part: SnapshotPart
}

/** A command of this program, as it was typed, but for the options that choose the host. */
export interface RemoteCommand {
  /** `forecast`: only when it could start, in place of acquiring GPUs. */
  readonly operation: 'command' | 'forecast'
  readonly command: RemoteCommandName
  /** The options and operands after the name of the command. */
  readonly words: readonly ByteText[]
  /** The words after `--`; absent without `--`. */
  readonly commandLine?: readonly ByteText[]
  /** The working folder; relative to the home folder, as is its absence. */
  readonly folder?: ByteText
  readonly environment: readonly ByteText[]
  /** Absent: no terminal. */
  readonly terminal?: RemoteTerminal
}

/** The modes are those of the caller's terminal: a `struct termios` of the kernel in hexadecimal digits. */
export interface RemoteTerminal {
  readonly columns: number
  readonly rows: number
  readonly modes: string
  /** Whether the standard error output goes to the terminal too. */
  readonly hasErrorOutput: boolean
}

export const REMOTE_COMMANDS = ['run', 'reserve', 'release'] as const
export type RemoteCommandName = (typeof REMOTE_COMMANDS)[number]

/** The kernel allows 131,071 bytes for the command line that SSH passes to a shell. */
const LONGEST_ARGUMENT = 120_000

export type Decoded =
  | { readonly kind: 'request'; readonly request: RemoteRequest; readonly program: string }
  /** The other program is newer. */
  | { readonly kind: 'other-version'; readonly version: number; readonly program: string }
  | { readonly kind: 'invalid' }

/** The argument for the remote command line; null if the request is too long for one. */
export function encodeRequest(request: RemoteRequest, program: string): string | null {
  const json = new TextEncoder().encode(JSON.stringify({ version: REQUEST_VERSION, program, ...request }))
  const argument = json.toBase64({ alphabet: 'base64url', omitPadding: true })
  return argument.length > LONGEST_ARGUMENT ? null : argument
}

/** Reads an argument strictly: anything that `encodeRequest` does not write is invalid. */
export function decodeRequest(argument: string): Decoded {
  const value = parsed(argument)
  if (!isRecord(value)) return { kind: 'invalid' }
  const { version, program } = value
  if (!isCount(version) || !isProgram(program)) return { kind: 'invalid' }
  if (version !== REQUEST_VERSION) return { kind: 'other-version', version, program }
  const request = readRequest(value)
  return request === undefined ? { kind: 'invalid' } : { kind: 'request', request, program }
}

type Unknown = Readonly<Record<string, unknown>>

function parsed(argument: string): unknown {
  if (argument.length > LONGEST_ARGUMENT || !/^[\w-]+$/.test(argument)) return undefined
  try {
    const bytes = Uint8Array.fromBase64(argument, { alphabet: 'base64url' })
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}

function readRequest(value: Unknown): RemoteRequest | undefined {
  const { operation, part, command, words } = value
  if (operation === 'snapshot') return isPart(part) ? { operation, part } : undefined
  if (!isRemoteCommand(command) || !areWords(words)) return undefined
  if (operation !== 'command' && operation !== 'forecast') return undefined
  return readCommand(value, { operation, command, words })
}

function readCommand(
  { commandLine, folder, environment, terminal }: Unknown,
  typed: Pick<RemoteCommand, 'operation' | 'command' | 'words'>,
): RemoteCommand | undefined {
  const isCommandLine = commandLine === undefined || (areWords(commandLine) && commandLine.length > 0)
  const isFolder = folder === undefined || (isWord(folder) && folder !== '')
  const isTerminal = terminal === undefined || isRemoteTerminal(terminal)
  if (!isCommandLine || !isFolder || !isTerminal || !areWords(environment)) return undefined
  if (!environment.every((entry) => /^[A-Za-z_]\w*=/.test(entry))) return undefined
  return {
    ...{ ...typed, environment },
    ...(commandLine === undefined ? {} : { commandLine }),
    ...(folder === undefined ? {} : { folder }),
    ...(terminal === undefined ? {} : { terminal }),
  }
}

const isRecord = (value: unknown): value is Unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isPart = (value: unknown): value is SnapshotPart => SNAPSHOT_PARTS.some((part) => part === value)

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0

const isProgram = (value: unknown): value is string =>
  typeof value === 'string' && /^[\w.+-]{1,64}$/.test(value)

const isRemoteCommand = (value: unknown): value is RemoteCommandName =>
  REMOTE_COMMANDS.some((name) => name === value)

/** Bytes other than NUL, which no argument can have. */
const isWord = (value: unknown): value is ByteText =>
  typeof value === 'string' && !/[^\0-\xff]/.test(value) && !value.includes('\0')

const areWords = (value: unknown): value is readonly ByteText[] => Array.isArray(value) && value.every(isWord)

/** 0 is a size that is not known. */
const isSize = (value: unknown): value is number => value === 0 || (isCount(value) && value < 2 ** 16)

function isRemoteTerminal(value: unknown): value is RemoteTerminal {
  if (!isRecord(value)) return false
  const { columns, rows, modes, hasErrorOutput } = value
  const isModes = typeof modes === 'string' && /^[\da-f]{72}$/.test(modes)
  return isSize(columns) && isSize(rows) && isModes && typeof hasErrorOutput === 'boolean'
}
