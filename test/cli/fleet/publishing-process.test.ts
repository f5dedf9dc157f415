import { expect } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { close } from '../../../src/adapters/kernel/libc/descriptors.ts'
import { takeTurnFor } from '../../../src/entries/publishing.ts'
import { needing } from '../../support/needs.ts'
import { testPool } from '../../support/pool.ts'
import { pidsWith } from '../../support/processes.ts'
import { redisServer } from '../../support/redis.ts'
import { until } from '../../support/until.ts'

needing('redis-server', 'embedded pool').test(
  'a process that publishes is no part of the job in which it was started',
  async () => {
    using server = await redisServer()
    using pool = await testPool(2, { CANHAZGPU_FLEET: server.url, CANHAZGPU_HOST_NAME: 'gpu1' })
    const publishers = () =>
      pidsWith(`CANHAZGPU_STORE=${pool.store}`).filter((pid) => fileOf(pid, 'cmdline').includes('__publish'))
    const script = 'until [ -e go ]; do sleep 0.02; done; "$CHG" reserve --gpus 1; exec sleep 600'
    pool.start('run', '--gpus', '1', '--', 'sh', '-c', script)
    await until('the run is published', async () => {
      const text = await server.ask('HGET', 'canhazgpu:host:gpu1', 'status')
      return String(text).includes('IN_USE') && publishers().length === 0
    })
    server.stop()
    writeFileSync(`${pool.folder}/go`, '')
    const [publisher = 0] = await until('a process wants to publish', () => {
      const found = publishers()
      return found.length > 0 && found
    })
    const variables = fileOf(publisher, 'environ').split('\0')
    expect(variables).toContain('CANHAZGPU_HOST_NAME=gpu1')
    expect(variables.filter((each) => /^(CANHAZGPU_RESERVATION|\w+_VISIBLE_DEVICES)=/.test(each))).toEqual([])
  },
)

needing('redis-server', 'embedded pool').test(
  'a change does not rely on a process that publishes only a sign of life',
  async () => {
    using server = await redisServer()
    using pool = await testPool(1, { CANHAZGPU_FLEET: server.url, CANHAZGPU_HOST_NAME: 'gpu1' })
    const turn = takeTurnFor(pool.store, 'once')
    if (turn === null) throw new Error('another process has the turn')
    expect((await pool.chg('reserve')).status).toBe(0)
    await until('the change is published', async () =>
      String(await server.ask('HGET', 'canhazgpu:host:gpu1', 'status')).includes('IN_USE'),
    )
    close(turn)
  },
)

function fileOf(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return ''
  }
}
