import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { printableJson } from '../../domain/text/text.ts'
import type { Warn } from '../../domain/warnings.ts'
import type { Trace, TraceEvent } from '../../ports/trace.ts'
import { foreignStep, isRoot, isRootOwner } from '../files/ownership.ts'
import { currentMoment } from '../kernel/clock.ts'
import { S_IFMT, S_IFREG, statusOf } from '../kernel/libc/paths.ts'
import { writeText } from './terminal.ts'

/**
 * Writes each event as one line of JSON to standard error, or to the end of a file. If a line cannot be written, `warn`
 * is called once, and the command continues without a trace.
 */
export function openTrace(target: string, warn: Warn): Trace {
  let hasWarned = false
  const write = target === 'stderr' ? (line: string) => writeText(2, line) : appendTo(target)
  return (event) => {
    if (hasWarned) return
    try {
      write(`${traceLine(event)}\n`)
    } catch (error) {
      hasWarned = true
      warn({
        code: 'trace-failed',
        message: `cannot write the trace ${target}: ${error instanceof Error ? error.message : error}`,
      })
    }
  }
}

/** Opens the file for each line, so that the command that this process becomes inherits no descriptor. */
function appendTo(path: string): (line: string) => void {
  return (line) => {
    if (!path.startsWith('/')) throw new Error("CANHAZGPU_TRACE is 'stderr' or an absolute path")
    if (isRoot() && foreignStep(path) !== null)
      throw new Error('another user can change where the path leads')
    const fd = openSync(path, FLAGS, 0o600)
    try {
      checkOwn(fd)
      writeSync(fd, line)
    } finally {
      closeSync(fd)
    }
  }
}

/** Refuses links, and does not wait for the reader of a pipe. */
const FLAGS =
  constants.O_WRONLY |
  constants.O_APPEND |
  constants.O_CREAT |
  constants.O_NOFOLLOW |
  constants.O_NONBLOCK |
  constants.O_NOCTTY

/** Root does not write to another user's file, nor to its own file under a name that another user gave it. */
function checkOwn(fd: number): void {
  const status = statusOf(fd)
  if (typeof status === 'number' || (status.mode & S_IFMT) !== S_IFREG)
    throw new Error('it is not a regular file')
  if (isRoot() && !isRootOwner(status.uid)) throw new Error(`it belongs to another user (uid ${status.uid})`)
  if (isRoot() && status.links > 1) throw new Error('it has several hard links')
}

function traceLine(event: TraceEvent): string {
  const traced = event.kind === 'error' ? { ...event, error: errorChain(event.error) } : event
  const { wall } = currentMoment()
  return printableJson(plain({ at: new Date(wall).toISOString(), pid: process.pid, ...traced }))
}

/** In JSON, a map is an array of its entries, and a set an array of its values. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, each: unknown) =>
      each instanceof Map || each instanceof Set ? [...each] : each,
    ),
  )
}

const LONGEST_CHAIN = 10

/** The error and its causes, outermost first; for a bug, with the source location. */
function errorChain(error: unknown): readonly object[] {
  const chain: object[] = []
  for (let each = error; each !== undefined && chain.length < LONGEST_CHAIN; ) {
    if (!(each instanceof Error)) {
      chain.push({ message: String(each) })
      break
    }
    const { name, message, stack } = each
    const code = 'code' in each ? { code: each.code } : {}
    chain.push({ name, ...code, message, ...(name === 'CanhazgpuError' ? {} : { stack }) })
    each = each.cause
  }
  return chain
}
