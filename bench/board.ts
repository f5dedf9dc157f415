import { BoardConnection } from '../src/adapters/board/connection.ts'
import { RedisBoard } from '../src/adapters/board/redis-board.ts'
import { readHostName } from '../src/domain/fleet/host-name.ts'
import { type RedisServer, redisServer } from '../test/support/redis.ts'
import { type BenchPool, fakePool } from './pool.ts'
import { type Environment, timeProgram } from './programs.ts'
import type { Bench } from './row.ts'

/** A busy host that publishes on a real server. */
export interface PublishingHost extends Disposable {
  readonly server: RedisServer
  readonly pool: BenchPool
  /** Names the pool and the board. */
  readonly env: Environment
  /** Publishes once, after a pause of `PUBLISH_PAUSE_MS`. */
  readonly publish: readonly string[]
}

/** How long a process that publishes first waits for further commits (`src/entries/publish.ts`). */
export const PUBLISH_PAUSE_MS = 200
/** A descriptor that the process does not have: nobody else publishes this pool. */
const NO_TURN = '9'
export const HOST = 'bench'

/** A host with 8 GPUs, half of them reserved, that is on the board. */
export async function publishingHost(bench: Bench): Promise<PublishingHost> {
  const server = await redisServer()
  const pool = await fakePool(bench, 8)
  for (const user of ['ann', 'ben', 'cara', 'dan']) {
    timeProgram([bench.canhazgpu, 'reserve', '--gpus', '1', '--user', user, '--note', 'training'], pool.env)
  }
  const env = { ...pool.env, CANHAZGPU_FLEET: server.url, CANHAZGPU_HOST_NAME: HOST }
  const publish = [bench.canhazgpu, '__publish', pool.env.CANHAZGPU_STORE ?? '', NO_TURN, 'once']
  timeProgram(publish, env)
  return { server, pool, env, publish, [Symbol.dispose]: () => server[Symbol.dispose]() }
}

/** Writes what the host has published under the names of many hosts, each with users of its own. */
export async function fillBoard({ server, env }: PublishingHost, hosts: number): Promise<RedisBoard> {
  const board = new RedisBoard(
    new BoardConnection({ url: server.url, deadline: 10_000, rest: 0, clock: () => performance.now() }),
  )
  const [own] = await board.read('status', env.CANHAZGPU_HOST_NAME)
  const text = own?.text ?? ''
  for (let number = 1; number <= hosts; number++) {
    const host = readHostName(`gpu${number}`)
    if (host === undefined) continue
    const status = text.replace(/"user":"/g, `"user":"user${number}-`)
    await board.post({ host, revision: { epoch: 'bench', committedAt: 1, readAt: 1 }, parts: { status } })
  }
  return board
}
