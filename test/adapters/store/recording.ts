import { readFileSync } from 'node:fs'
import type { TestPool } from '../../support/pool.ts'

/** A system call of any process of the script that changes the disk or prints. */
export type DiskEvent =
  | { readonly kind: 'write'; readonly path: string; readonly offset: number; readonly data: Uint8Array }
  | { readonly kind: 'truncate'; readonly path: string; readonly size: number }
  | { readonly kind: 'appear'; readonly path: string; readonly isFolder: boolean }
  | { readonly kind: 'vanish'; readonly path: string }
  /** The sync of a file or folder. It need not include an event that came after `began`. */
  | { readonly kind: 'sync'; readonly path: string; readonly began: number }
  /** A process wrote this to its standard output. */
  | { readonly kind: 'output'; readonly text: string }

const CALLS = 'openat,mkdir,unlink,rmdir,rename,pwrite64,write,ftruncate,fsync,fdatasync'

/** Runs a shell script, with `$CHG` as the executable, and records its events in the folder of the pool, in order. */
export async function record(pool: TestPool, script: string): Promise<DiskEvent[]> {
  const log = `${pool.folder}/trace`
  pool.env.SCRIPT = script
  const { status, stderr } = await pool.sh(
    `exec strace -f -y -xx -s 1000000 --seccomp-bpf -e trace=${CALLS} -o '${log}' sh -c "$SCRIPT"`,
  )
  if (status !== 0) throw new Error(`the script failed: ${stderr}`)
  return eventsIn(readFileSync(log, 'latin1'), pool.folder)
}

function eventsIn(trace: string, folder: string): DiskEvent[] {
  const events: DiskEvent[] = []
  const renamed = (event: DiskEvent, from: string, to: string): DiskEvent =>
    'path' in event && `${event.path}/`.startsWith(`${from}/`)
      ? { ...event, path: to + event.path.slice(from.length) }
      : event
  /**
   * Gives the earlier events of a moved file or folder the new path, because its contents move with it. The new path
   * appears only now.
   */
  const move = (from: string, to: string) => {
    const isMoved = (event: DiskEvent) => 'path' in event && `${event.path}/`.startsWith(`${from}/`)
    const appeared = events.filter((event) => event.kind === 'appear' && isMoved(event))
    for (const [at, event] of events.entries()) {
      if (isMoved(event) && event.kind !== 'appear' && event.kind !== 'vanish')
        events[at] = renamed(event, from, to)
    }
    events.push({ kind: 'vanish', path: from }, ...appeared.map((event) => renamed(event, from, to)))
    for (const event of appeared) if ('path' in event) seen.add(to + event.path.slice(from.length))
  }
  const unfinished = new Map<string, { call: string; began: number }>()
  const seen = new Set<string>()
  for (const line of trace.split('\n')) {
    const [, pid = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    if (rest.endsWith('<unfinished ...>')) {
      unfinished.set(pid, { call: rest.slice(0, -'<unfinished ...>'.length).trimEnd(), began: events.length })
      continue
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)?.[1]
    const { call, began } = unfinished.get(pid) ?? { call: '', began: events.length }
    if (resumed !== undefined) unfinished.delete(pid)
    const whole = resumed === undefined ? rest : call + resumed
    const [, from, to] = /^rename\("([^"]*)", "([^"]*)"\) += 0/.exec(whole) ?? []
    if (from !== undefined && to !== undefined) {
      move(text(from), text(to))
      continue
    }
    const event = eventOf(whole, resumed === undefined ? events.length : began)
    if (event === null || (event.kind !== 'output' && !`${event.path}/`.startsWith(`${folder}/`))) continue
    if (event.kind === 'appear' && seen.has(event.path)) continue
    if (event.kind === 'appear') seen.add(event.path)
    if (event.kind === 'vanish') seen.delete(event.path)
    events.push(event)
  }
  return events
}

/** The event in a line of strace. Null if the call failed or does not count. */
function eventOf(line: string, began: number): DiskEvent | null {
  const [, call = '', inside = '', result = ''] = /^(\w+)\((.*)\) += (-?\d+)/.exec(line) ?? []
  if (call === '' || result.startsWith('-')) return null
  // The file of a descriptor, or else the first quoted text: `openat(AT_FDCWD<…>, "…", …)`, `unlink("…")`.
  const path = text(/^\d+<([^>]*)>/.exec(inside)?.[1] ?? /"([^"]*)"/.exec(inside)?.[1] ?? '')
  const data = /^\d+<[^>]*>, "([^"]*)"/.exec(inside)?.[1] ?? ''
  switch (call) {
    case 'pwrite64': {
      const offset = Number(/, (\d+)$/.exec(inside)?.[1])
      return { kind: 'write', path, offset, data: bytes(data).subarray(0, Number(result)) }
    }
    case 'write':
      return inside.startsWith('1<') ? { kind: 'output', text: text(data) } : null
    case 'ftruncate':
      return { kind: 'truncate', path, size: Number(/, (\d+)$/.exec(inside)?.[1]) }
    case 'fsync':
    case 'fdatasync':
      return { kind: 'sync', path, began }
    case 'mkdir':
      return { kind: 'appear', path, isFolder: true }
    case 'openat':
      return inside.includes('O_CREAT') ? { kind: 'appear', path, isFolder: false } : null
    case 'unlink':
    case 'rmdir':
      return { kind: 'vanish', path }
    default:
      return null
  }
}

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll('\\x', ''), 'hex'))
const text = (hex: string): string => Buffer.from(bytes(hex)).toString('utf8')
