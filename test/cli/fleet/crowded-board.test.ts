import { expect } from 'bun:test'
import { MOST_SNAPSHOT_CHARACTERS } from '../../../src/domain/fleet/snapshot.ts'
import { needing } from '../../support/needs.ts'
import { binary, testPool } from '../../support/pool.ts'
import { redisServer } from '../../support/redis.ts'

/** It takes 200 MB. On a busy machine the garbage of the runtime is collected late. */
const MOST_MB = 400
const HOSTS = 300

/** Runs a command and prints its memory. A process that this one starts would begin with the memory of this one. */
const MEASURED = `
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print("RSS", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(status)`

/** As many objects as fit into the longest text. */
function longest(head: string, item: string, tail: string): string {
  const room = MOST_SNAPSHOT_CHARACTERS - head.length - tail.length
  return (
    head +
    Array(Math.floor(room / (item.length + 1)))
      .fill(item)
      .join(',') +
    tail
  )
}

const TEXTS = {
  status: longest(
    '{"version":1,"waiting":0,"gpus":[',
    '{"gpu_id":0,"status":"AVAILABLE","gpu_model":""}',
    ']}',
  ),
  usage: longest(
    '{"version":1,"days":[{"date":"2026-11-27","users":[',
    '{"user":"","account":"","gpu_hours":0,"run":0,"manual":0}',
    ']}]}',
  ),
}

needing('redis-server', 'python3').test(
  'a board full of the longest texts costs a reader limited memory',
  async () => {
    using server = await redisServer()
    using pool = await testPool(0, { CANHAZGPU_FLEET: server.url, CANHAZGPU_HOST_NAME: 'desk' })
    for (let at = 0; at < HOSTS; at++) {
      const fields = Object.entries({ received: String(Date.now()), ...TEXTS }).flat()
      await server.ask('HSET', `canhazgpu:host:h${at}`, ...fields)
      await server.ask('ZADD', 'canhazgpu:hosts', String(at), `h${at}`)
    }
    for (const words of [
      ['status', '--all'],
      ['status', '--all', '--json'],
      ['report', '--all'],
    ]) {
      const child = Bun.spawn(['python3', '-c', MEASURED, binary, ...words], {
        ...{ env: pool.env, stdio: ['ignore', 'pipe', 'pipe'] },
      })
      const [out, error, status] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
        child.exited,
      ])
      expect(status).toBe(0)
      expect(out + error).toContain('left out, because the notice board has more than is read at once')
      expect(Number(/^RSS (\d+)$/m.exec(error)?.[1]) / 1024).toBeLessThan(MOST_MB)
    }
  },
)
