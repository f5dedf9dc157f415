import { refuseForeignSocket } from '../adapters/daemon/foreign-socket.ts'
import { Lines } from '../adapters/daemon/lines.ts'
import { close, readInto } from '../adapters/kernel/libc/descriptors.ts'
import { ENOENT } from '../adapters/kernel/libc/errno.ts'
import { utf8 } from '../adapters/kernel/libc/memory.ts'
import { findPath, S_IFMT, S_IFREG, statusOf } from '../adapters/kernel/libc/paths.ts'
import { exitNow } from '../adapters/kernel/libc/process.ts'
import { send } from '../adapters/kernel/libc/sockets.ts'
import { readText } from '../adapters/kernel/procfs.ts'
import { connectToPath } from '../adapters/kernel/unix-socket.ts'
import { isReadable } from '../adapters/process/terminal.ts'
import { zoneIdentity } from '../adapters/process/zone-identity.ts'
import { type Answer, PROTOCOL_VERSION } from '../app/remote/protocol.ts'
import type { ServedCommand, ServedDisplay, ServedResult } from '../domain/operation/served-command.ts'
import { MACHINE_FILE, socketPathIn } from '../domain/settings.ts'
import type { Output } from '../views/words/printed.ts'
import { newId } from './new-id.ts'
import { standardStream } from './standard-streams.ts'
import { versionWithCommit } from './version.ts'

const CONNECT_WITHIN_MS = 50
/** How long the daemon may take. Then this process performs the command itself, and knows better what to do. */
const GREETING_WITHIN_MS = 1_000
const ANSWER_WITHIN_MS = 10_000
const READ_BYTES = 32_768
/** More than the settings of most machines need. */
const LONGEST_FILE = 4_096

/**
 * Lets the daemon perform the command, prints the result, and exits. Returns the id that the command was given if this
 * process must perform it: the settings say more than which daemon it is, the command needs its own process, or the daemon
 * has not answered.
 */
export async function performAtDaemon(words: readonly string[]): Promise<string> {
  const id = newId()
  const streams = { 1: standardStream(1), 2: standardStream(2) }
  const result = resultOf(words, id, streams)
  if (result !== null) {
    for (const [fd, text] of result.printed) streams[fd].write(text)
    const { lost } = streams[1]
    exitNow(lost === undefined ? result.status : await reportLost(words, lost, result.status, streams[2]))
  }
  return id
}

async function reportLost(
  words: readonly string[],
  reason: string,
  status: number,
  stderr: Output,
): Promise<number> {
  const { failureOutput, printLost } = await import('../cli/failures.ts')
  return printLost(reason, status, failureOutput(words, stderr.write, words[0]))
}

type Streams = Readonly<Record<1 | 2, Output>>

/** Null for any failure: the process that performs the command itself reports it. */
function resultOf(words: readonly string[], id: string, streams: Streams): ServedResult | null {
  try {
    const place = placeIn(process.env)
    if (place === null) return null
    const { socket, ...settings } = place
    return answerAt(socket, () => ({
      ...{ words, id, ...settings },
      version: versionWithCommit(),
      timeZone: zoneIdentity(process.env.TZ),
      stdout: displayOf(streams[1]),
      stderr: displayOf(streams[2]),
    }))
  } catch {
    return null
  }
}

const displayOf = ({ terminal, color, columns }: Output): ServedDisplay => ({
  ...{ terminal, color },
  columns: columns === Number.POSITIVE_INFINITY ? null : columns,
})

const STORE = 'CANHAZGPU_STORE'

interface Place extends Pick<ServedCommand, 'machineConfiguration' | 'machineStore'> {
  readonly socket: string
}

/** The daemon; null unless the environment and the file of the machine are the only settings. */
function placeIn(env: NodeJS.ProcessEnv): Place | null {
  const isSet = (name: string) => (env[name] ?? '') !== ''
  for (const name in env) {
    if (name.startsWith('CANHAZGPU_') && name !== STORE && isSet(name)) return null
  }
  if (env.HOME !== undefined && findPath(`${env.HOME}/.canhazgpu.yaml`) === 0) return null
  const machineConfiguration = findPath(MACHINE_FILE) === -ENOENT ? null : readMachineFile()
  if (machineConfiguration === undefined) return null
  const machineStore = isSet(STORE) ? null : storeIn(machineConfiguration ?? '')
  const socket = socketPathIn(machineStore ?? env[STORE] ?? '')
  return socket === undefined ? null : { socket, machineConfiguration, machineStore }
}

/** Undefined if the file cannot be used so simply. */
function readMachineFile(): string | undefined {
  const status = statusOf(MACHINE_FILE)
  const isUsable =
    typeof status !== 'number' && (status.mode & S_IFMT) === S_IFREG && status.size <= LONGEST_FILE
  return isUsable ? (readText(MACHINE_FILE) ?? undefined) : undefined
}

/** The store in the form that `service install` writes; null if it is not in this form. The daemon checks it. */
function storeIn(configuration: string): string | null {
  const line = configuration.split('\n').find((each) => each.startsWith('store: '))
  return line === undefined ? null : line.slice('store: '.length).trim()
}

function answerAt(socket: string, command: () => ServedCommand): ServedResult | null {
  // First, because accepting takes the daemon some time.
  const fd = connectToPath(socket, CONNECT_WITHIN_MS)
  if (fd < 0) return null
  try {
    refuseForeignSocket(socket)
    const greeting = JSON.stringify({ protocol: PROTOCOL_VERSION })
    const request = utf8(`${greeting}\n${JSON.stringify({ ask: 'command', command: command(), n: 1 })}\n`)
    return send(fd, request) === request.length ? resultIn(secondLine(fd)) : null
  } finally {
    close(fd)
  }
}

/** The first line is the daemon's greeting. */
function secondLine(fd: number): string | undefined {
  const received: string[] = []
  const lines = new Lines(Number.POSITIVE_INFINITY)
  const buffer = new Uint8Array(READ_BYTES)
  while (received.length < 2) {
    const withinMs = received.length === 0 ? GREETING_WITHIN_MS : ANSWER_WITHIN_MS
    const count = isReadable(fd, withinMs) ? readInto(fd, buffer) : 0
    if (count <= 0) return undefined
    lines.push(buffer.subarray(0, count), (line) => received.push(line) < 2)
  }
  return received[1]
}

function resultIn(line: string | undefined): ServedResult | null {
  const message: Answer | null = line === undefined ? null : JSON.parse(line)
  return message !== null && 'answer' in message ? (message.answer as ServedResult | null) : null
}
