import { goEntry, goHold, goRecord, goReleased } from '../domain/original/texts.ts'
import { type TestPool, testPool } from '../support/pool.ts'
import { redisServer } from '../support/redis.ts'
import { ownName } from '../support/unix-users.ts'
import type { Situation } from './page.ts'

const HOUR_MS = 3_600_000
const PORT = 'PORT_OF_ORIGINAL'

/**
 * A machine with the pool of the original canhazgpu in Redis: ann has reserved two GPUs, ben runs on one, and zoe, who
 * has no account, has one. Ann and ben are the account of the test.
 */
export const originalPool: Situation = {
  needs: 'redis-server',
  pool: machineWithOriginal,
  instead: async ({ env }) => ({ 'localhost:6379': `127.0.0.1:${env[PORT]}` }),
  varying: [new RegExp(`\\b(ann|ben|${ownName()})\\b`, 'g'), /\d+ usage records?/g],
}

async function machineWithOriginal(): Promise<TestPool> {
  using unfinished = new DisposableStack()
  const server = unfinished.use(await redisServer())
  const pool = unfinished.use(await testPool(0))
  pool.env[PORT] = String(server.port)
  const [user, now] = [ownName(), Date.now()]
  const start = now - HOUR_MS
  await server.ask('SET', 'canhazgpu:gpu_count', '8')
  await server.ask('SET', 'canhazgpu:provider', 'fake')
  const manual = goHold({ user, kind: 'manual', start, expiry: now + 12 * HOUR_MS })
  const run = (name: string) => goHold({ user: name, kind: 'run', start, heartbeat: now })
  const holds = { 0: manual, 1: manual, 3: run(user), 5: run('zoe') }
  for (let gpu = 0; gpu < 8; gpu++) {
    const hold = new Map(Object.entries(holds)).get(String(gpu))
    await server.ask('SET', `canhazgpu:gpu:${gpu}`, hold ?? goReleased(start))
  }
  await server.ask('ZADD', 'canhazgpu:queue', '1', 'waiting')
  await server.ask('SET', 'canhazgpu:queue:entry:waiting', goEntry(now))
  const record = goRecord({ user, gpu: 0, start: start - HOUR_MS, end: start })
  await server.ask('ZADD', 'canhazgpu:usage_history_sorted', String(now / 1_000), record)
  const both = unfinished.move()
  return { ...pool, [Symbol.dispose]: () => both.dispose() }
}
