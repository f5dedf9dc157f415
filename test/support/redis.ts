import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { RedisClient } from 'bun'
import { root } from './sources.ts'
import { until } from './until.ts'

/** `scripts/valkey.mjs` puts it there. */
const VALKEY_SERVER = `${root}node_modules/.cache/canhazgpu-valkey/valkey-server`

/** Programs that can be the notice board: for `needing`, and for `boardServer`. */
export const ENGINES = [
  { engine: 'Redis', program: 'redis-server' },
  { engine: 'Valkey', program: VALKEY_SERVER },
] as const

/** A real Redis or Valkey server in its own folder, which keeps nothing on disk. */
export interface RedisServer extends Disposable {
  readonly url: string
  readonly port: number
  /** As an administrator; throws the error of the server. */
  readonly ask: (command: string, ...words: string[]) => Promise<unknown>
  /** It accepts connections, and answers nothing. */
  readonly stop: () => void
  readonly resume: () => void
  readonly kill: () => Promise<void>
  /** Starts it again at the same port, empty. */
  readonly restart: () => Promise<void>
}

export const redisServer = (...options: readonly string[]): Promise<RedisServer> =>
  boardServer('redis-server', ...options)

/** Another server at the port of one that has ended. */
export async function redisServerAt(port: number, ...options: readonly string[]): Promise<RedisServer> {
  const place = { program: 'redis-server', port, folder: mkdtempSync(`${tmpdir()}/redis-`), options }
  const server = start(place)
  if (await answers(server, port, options)) return running(server, place)
  throw new Error(`redis-server does not start: see ${place.folder}/log`)
}

/** Its clock is that of these variables (`wrongClock`). */
export const redisServerWithClock = (env: Place['env']): Promise<RedisServer> =>
  serverOf('redis-server', [], env)

export const boardServer = (program: string, ...options: readonly string[]): Promise<RedisServer> =>
  serverOf(program, options)

/** Other processes may take a port that was free, so several are tried. */
async function serverOf(
  program: string,
  options: readonly string[],
  env: Place['env'] = {},
): Promise<RedisServer> {
  const folder = mkdtempSync(`${tmpdir()}/redis-`)
  for (let attempt = 1; ; attempt++) {
    const port = freePort()
    const place = { program, port, folder, options, env }
    const server = start(place)
    if (await answers(server, port, options)) return running(server, place)
    if (attempt === 10) throw new Error(`${program} does not start: see ${folder}/log`)
  }
}

/** In a network namespace of its own, where it has the usual port, and every host can write. */
export function redisServerWithin(within: readonly string[]): Disposable {
  const options = ['--bind', '0.0.0.0', '--protected-mode', 'no', '--save', '', '--logfile', '/dev/null']
  const server = Bun.spawn([...within, 'redis-server', ...options], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return { [Symbol.dispose]: () => server.kill('SIGKILL') }
}

type Server = ReturnType<typeof start>

function start({ program, port, folder, options, env = {} }: Place) {
  const plain = options.includes('--tls-port') ? [] : ['--port', String(port)]
  const tls = options.map((option) => option.replace('PORT', String(port)))
  const kept = ['--save', '', '--appendonly', 'no', '--bind', '127.0.0.1', '--dir', folder]
  return Bun.spawn([program, ...kept, ...plain, ...tls, '--logfile', `${folder}/log`], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

function freePort(): number {
  using listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  return listener.port
}

async function answers(server: Server, port: number, options: readonly string[]): Promise<boolean> {
  return until('redis-server answers or has ended', async () => {
    if (server.exitCode !== null) return 'ended'
    return (await isOpen(port, !options.includes('--tls-port'))) && 'answers'
  }).then((found) => found === 'answers')
}

/** Whether it accepts a connection, and answers a command if it is not one with TLS. */
async function isOpen(port: number, isPlain: boolean): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    // Without the password the answer is an error, and while it starts too.
    socket: {
      data: (_, bytes) => resolve(!bytes.toString().includes('LOADING')),
      close: () => resolve(false),
    },
  }).catch(() => null)
  if (socket === null) return false
  if (isPlain) socket.write('PING\r\n')
  else resolve(true)
  const is = await promise
  socket.end()
  return is
}

async function ask(port: number, [command = '', ...words]: readonly string[]): Promise<unknown> {
  const client = new RedisClient(`redis://127.0.0.1:${port}`, { autoReconnect: false })
  try {
    await client.connect()
    return await client.send(command, words)
  } finally {
    client.close()
  }
}

interface Place {
  readonly program: string
  readonly port: number
  readonly folder: string
  readonly options: readonly string[]
  /** Added to the environment of the server. */
  readonly env?: Readonly<Record<string, string>>
}

function running(first: Server, place: Place): RedisServer {
  const { port, folder, options } = place
  let server = first
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    ask: (...words) => ask(port, words),
    stop: () => server.kill('SIGSTOP'),
    resume: () => server.kill('SIGCONT'),
    async kill() {
      server.kill('SIGKILL')
      await server.exited
    },
    async restart() {
      server = start(place)
      if (!(await answers(server, port, options))) throw new Error('redis-server does not start again')
    },
    [Symbol.dispose]() {
      server.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
