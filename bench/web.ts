import { readFileSync } from 'node:fs'
import type { Environment } from './programs.ts'

/** Measurements of the dashboard's server with many clients. */
export interface WebFigures {
  /** Responses of `/api/status` per second. */
  readonly requestsPerSecond: number
  /** Responses per second of the server's own CPU time: the rate of one full core. */
  readonly requestsPerCpuSecond: number
  readonly streams: number
  /** Private memory of the server in MiB: idle, with all streams open, and after serving them for a while. */
  readonly memoryMb: { readonly before: number; readonly open: number; readonly after: number }
  /** Snapshots that the streams received during the measurement. */
  readonly snapshots: number
}

export interface WebLoad {
  readonly canhazgpu: string
  readonly env: Environment
  readonly requests: number
  readonly streams: number
  /** Duration of the measurement of the streams. */
  readonly watchMs: number
}

/** Starts a server on a free port, sends requests as fast as it answers, then opens many event streams. */
export async function measureWeb(load: WebLoad): Promise<WebFigures> {
  const server = Bun.spawn([load.canhazgpu, 'web', '--json', '--host', '127.0.0.1', '--port', '0'], {
    env: { ...load.env },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  try {
    const port = await portOf(server.stdout)
    await sendRequests(port, Math.ceil(load.requests / 10))
    const cpuBefore = cpuSeconds(server.pid)
    const start = Bun.nanoseconds()
    await sendRequests(port, load.requests)
    const seconds = (Bun.nanoseconds() - start) / 1e9
    const cpu = cpuSeconds(server.pid) - cpuBefore
    const before = privateMb(server.pid)
    const counter = { snapshots: 0 }
    const streams = await Promise.all(Array.from({ length: load.streams }, () => openStream(port, counter)))
    const open = privateMb(server.pid)
    await Bun.sleep(load.watchMs)
    const after = privateMb(server.pid)
    for (const stream of streams) stream.end()
    return {
      requestsPerSecond: Math.round(load.requests / seconds),
      requestsPerCpuSecond: Math.round(load.requests / cpu),
      streams: load.streams,
      memoryMb: { before, open, after },
      snapshots: counter.snapshots,
    }
  } finally {
    server.kill()
    await server.exited
  }
}

const CONNECTIONS = 32

async function sendRequests(port: number, requests: number): Promise<void> {
  const left = { requests }
  await Promise.all(Array.from({ length: CONNECTIONS }, () => sendInTurn(port, left)))
}

/** Sends one request at a time on one connection. */
function sendInTurn(port: number, left: { requests: number }): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const request = `GET /api/status HTTP/1.1\r\nHost: localhost\r\n\r\n`
  let answer = ''
  const send = (socket: { write(text: string): number; end(): void }) => {
    if (left.requests-- > 0) return void socket.write(request)
    socket.end()
    resolve()
  }
  const socket = {
    open: send,
    data(connection: { write(text: string): number; end(): void }, bytes: Buffer) {
      answer += bytes.toString('latin1')
      const length = Number(/content-length: (\d+)/i.exec(answer)?.[1])
      const body = answer.indexOf('\r\n\r\n') + 4
      if (body < 4 || answer.length < body + length) return
      if (!answer.startsWith('HTTP/1.1 200')) return reject(new Error(answer.slice(0, 200)))
      answer = ''
      send(connection)
    },
    error: (_: unknown, error: Error) => reject(error),
  }
  Bun.connect({ hostname: '127.0.0.1', port, socket }).catch(reject)
  return promise
}

/** Resolves with the first snapshot. */
function openStream(port: number, counter: { snapshots: number }): Promise<{ end(): void }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ end(): void }>()
  const socket = {
    open: (connection: { write(text: string): number }) =>
      void connection.write('GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    data(connection: { end(): void }, bytes: Buffer) {
      if (!bytes.includes('event: snapshot')) return
      counter.snapshots++
      resolve(connection)
    },
    error: (_: unknown, error: Error) => reject(error),
  }
  Bun.connect({ hostname: '127.0.0.1', port, socket }).catch(reject)
  return promise
}

async function portOf(stdout: ReadableStream<Uint8Array>): Promise<number> {
  let text = ''
  for await (const chunk of stdout) {
    text += new TextDecoder().decode(chunk)
    const port = /:(\d+)"/.exec(text)?.[1]
    if (port !== undefined) return Number(port)
  }
  throw new Error('the server did not start')
}

/** User and system time of the process so far; clock ticks are 1/100 s on Linux. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function privateMb(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
  const kb = (name: string) => Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(rollup)?.[1] ?? 0)
  return Math.round((kb('Private_Clean') + kb('Private_Dirty')) / 1024)
}
