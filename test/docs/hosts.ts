import type { StatusPart } from '../../src/views/schemas/fleet.ts'
import type { StatusDocument } from '../../src/views/schemas/status.ts'
import { passTime } from '../support/pass-time.ts'
import { type TestPool, testPool } from '../support/pool.ts'
import { type RedisServer, redisServer } from '../support/redis.ts'
import { until } from '../support/until.ts'

/** What a host published, and how long ago. */
interface Published extends Omit<StatusPart, 'version'> {
  readonly secondsAgo?: number
}

/** A machine without GPUs that sees these hosts on its notice board. */
export async function machineThatSees(hosts: Readonly<Record<string, Published>>): Promise<TestPool> {
  const server = await redisServer()
  const pool = await testPool(0, { CANHAZGPU_FLEET: server.url })
  const { [Symbol.dispose]: dispose } = pool
  for (const [host, { secondsAgo = 0, ...part }] of Object.entries(hosts)) {
    const received = String(Date.now() - 1000 * secondsAgo)
    const status = JSON.stringify({ version: 1, ...part })
    await server.ask('HSET', `canhazgpu:host:${host}`, 'received', received, 'status', status)
    await server.ask('ZADD', 'canhazgpu:hosts', received, host)
  }
  return {
    ...pool,
    [Symbol.dispose]() {
      dispose.call(pool)
      server[Symbol.dispose]()
    },
  }
}

/** A host without a daemon. What the board has of it is older than its last change. */
export async function hostThatIsBehind(): Promise<TestPool> {
  const server = await redisServer()
  const pool = await testPool(1, { CANHAZGPU_FLEET: server.url, CANHAZGPU_HOST_NAME: 'gpu1' })
  await until('it is published', async () => (await server.ask('EXISTS', 'canhazgpu:host:gpu1')) === 1)
  // As an account that cannot read the URL.
  pool.env.CANHAZGPU_FLEET = ''
  await pool.chg('reserve')
  pool.env.CANHAZGPU_FLEET = server.url
  await passTime(pool, 1_800_000)
  await server.ask('HINCRBY', 'canhazgpu:host:gpu1', 'received', '-7391000')
  return withServer(pool, server)
}

/** A host that has the page's account for readers. */
export async function hostThatCannotPublish(): Promise<TestPool> {
  const server = await redisServer()
  const rights = '+eval +type +time +zrevrange +zscore +hstrlen +hget ~canhazgpu:*'.split(' ')
  await server.ask('ACL', 'SETUSER', 'reader', 'on', '>secret', ...rights)
  const CANHAZGPU_FLEET = server.url.replace('//', '//reader:secret@')
  return withServer(await testPool(1, { CANHAZGPU_FLEET, CANHAZGPU_HOST_NAME: 'gpu1' }), server)
}

function withServer(pool: TestPool, server: RedisServer): TestPool {
  const { [Symbol.dispose]: dispose } = pool
  return {
    ...pool,
    [Symbol.dispose]() {
      dispose.call(pool)
      server[Symbol.dispose]()
    },
  }
}

const free = (gpu_model: string): Omit<StatusDocument, 'gpu_id'> => ({
  ...{ status: 'AVAILABLE', gpu_model, details: 'never used', validation: '0MB used' },
})

const held = (user: string, type: 'RUN' | 'MANUAL'): Omit<StatusDocument, 'gpu_id'> => ({
  ...{ status: 'IN_USE', gpu_model: 'NVIDIA H200', user, account: user, type, duration_seconds: 930 },
  details: type === 'RUN' ? 'last heartbeat 0h 0m 5s ago' : 'expires in 3h 15m 45s',
  validation: type === 'RUN' ? '8452MB, 1 processes' : 'no actual usage detected',
})

const numbered = (...gpus: readonly Omit<StatusDocument, 'gpu_id'>[]): readonly StatusDocument[] =>
  gpus.map((gpu, gpu_id) => ({ gpu_id, ...gpu }))

const times = <Item>(count: number, item: Item): readonly Item[] => Array<Item>(count).fill(item)

const H200 = free('NVIDIA H200')

/** The hosts of the summary in docs/fleet.md. */
export const THREE_HOSTS: Readonly<Record<string, Published>> = {
  gpu1: { waiting: 0, gpus: numbered(...times(3, H200), ...times(5, held('ann', 'RUN'))) },
  gpu2: { waiting: 2, gpus: numbered(...times(8, held('ben', 'RUN'))) },
  gpu3: {
    waiting: 0,
    next_sign_seconds: 15,
    secondsAgo: 7_391,
    gpus: numbered(...times(4, free('NVIDIA L40S'))),
  },
}

/** The hosts of `status --all` there. */
export const TWO_HOSTS: Readonly<Record<string, Published>> = {
  gpu1: { waiting: 0, gpus: numbered(held('ann', 'RUN'), H200) },
  gpu2: {
    ...{ waiting: 1, next_sign_seconds: 15, secondsAgo: 191 },
    gpus: numbered(held('ben', 'MANUAL'), held('ben', 'MANUAL')),
  },
}
