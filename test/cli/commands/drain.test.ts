import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync } from 'node:fs'
import { daemonPool } from '../../support/daemon.ts'
import { failureOf } from '../../support/failure.ts'
import { needing } from '../../support/needs.ts'
import { finished, testPool } from '../../support/pool.ts'
import { newUser, type UnixUser } from '../../support/unix-users.ts'
import { until } from '../../support/until.ts'
import { startWeb } from '../../web/web-server.ts'

for (const [mode, makePool] of [
  ['embedded', () => testPool(3)],
  ['daemon', () => daemonPool(3)],
] as const) {
  describe(mode, () => {
    test('the holder finishes, and nobody new is granted the GPU until it is restored', async () => {
      using pool = await makePool()
      const holder = pool.start('run', '--gpu-ids', '0', '--', 'sleep', '1000')
      await until('it runs', async () => (await pool.status())[0]?.type === 'RUN')
      const drained = await pool.chg('drain', '0-1', '--reason', 'fan', '--json')
      expect(JSON.parse(drained.stdout)).toMatchObject({ drained: [0, 1], held: [{ gpu_id: 0 }] })
      const drain = { reason: 'fan' }
      const running = await pool.status()
      expect(running).toMatchObject([{ status: 'IN_USE', drain }, { status: 'DRAINED', drain }, {}])
      expect(running[2]).toMatchObject({ status: 'AVAILABLE' })
      expect(running[2]?.drain).toBeUndefined()
      const refused = failureOf(await pool.chg('reserve', '--gpus', '2', '--json'))
      expect(refused).toMatchObject({ code: 'not-enough-gpus', status: 75 })
      expect(refused.reason).toMatchObject({ available: 1, draining: [{ gpu_id: 0 }, { gpu_id: 1 }] })
      const waiter = pool.start('run', '--wait', '--gpu-ids', '0,1', '--', 'echo', 'granted')
      const queue = async () => JSON.parse((await pool.chg('queue', '--json')).stdout)
      await until('it waits', async () => (await queue()).length === 1)
      expect(await queue()).toMatchObject([
        { reason_code: 'short', unavailable_gpus: [{ status: 'DRAINED', drain }, { status: 'DRAINED' }] },
      ])
      holder.kill('SIGKILL')
      await until('it has ended', async () => (await pool.status())[0]?.status === 'DRAINED')
      expect((await pool.chg('reserve', '--short')).stdout).toBe('2\n')
      expect((await pool.chg('restore', '0-1')).stdout).toBe('Restored 2 GPU(s): [0, 1]\n')
      expect((await finished(waiter)).stdout).toBe('granted\n')
    })

    test('a drain survives --refresh and --force, and is the same when repeated', async () => {
      using pool = await makePool()
      expect((await pool.chg('drain', '1')).stdout).toBe('Drained 1 GPU(s): [1]\n')
      expect((await pool.chg('drain', '1')).stdout).toBe('GPU 1 is drained already\n')
      for (const change of [['--refresh'], ['--gpus', '3', '--force', '--provider', 'fake']]) {
        expect((await pool.chg('admin', ...change)).status).toBe(0)
        expect((await pool.status())[1]?.status).toBe('DRAINED')
      }
      expect((await pool.chg('restore', '1')).status).toBe(0)
      expect((await pool.chg('restore', '1')).stdout).toBe('GPU 1 is not drained\n')
      expect((await pool.status())[1]?.status).toBe('AVAILABLE')
    })

    test('wrong GPUs are wrong usage', async () => {
      using pool = await makePool()
      for (const name of ['drain', 'restore']) {
        expect(failureOf(await pool.chg(name, '0,9', '--json'))).toMatchObject({
          ...{ code: 'impossible-request', status: 2 },
          reason: { code: 'no-such-unit', gpu_ids: [9] },
        })
        expect(failureOf(await pool.chg(name, '--json'))).toMatchObject({ code: 'usage', status: 2 })
      }
      expect((await pool.status()).some(({ drain }) => drain !== undefined)).toBe(false)
    })
  })
}

test('the dashboard and the metrics show a drained GPU, also while it has a holder', async () => {
  using pool = await testPool(2)
  await pool.chg('reserve', '--gpu-ids', '0')
  await pool.chg('drain', '0-1', '--reason', 'fan')
  const server = await startWeb(pool)
  expect(await server.json('/api/status')).toMatchObject([
    { status: 'IN_USE', drain: { reason: 'fan' } },
    { status: 'DRAINED', drain: { reason: 'fan' } },
  ])
  const metrics = await server.metrics()
  for (const sample of [
    'gpu_state{gpu="1",state="drained"}',
    'gpu_drained{gpu="0"}',
    'gpu_drained{gpu="1"}',
  ]) {
    expect(metrics).toContain(`canhazgpu_${sample} 1\n`)
  }
})

needing('users').describe('another account', () => {
  let ann: UnixUser
  beforeAll(async () => {
    ann = await newUser('ann')
  })
  afterAll(() => ann.remove())

  test('cannot drain or restore through the daemon, and sees who did', async () => {
    using pool = await daemonPool(2)
    chmodSync(pool.folder, 0o755)
    await pool.chg('drain', '0', '--reason', 'fan')
    for (const name of ['drain', 'restore']) {
      expect(failureOf(await ann.chg(pool, name, '0', '--json')).code).toBe('permission-denied')
    }
    const shown = JSON.parse((await ann.chg(pool, 'status', '--json')).stdout)
    expect(shown).toMatchObject([{ status: 'DRAINED', drain: { reason: 'fan' } }, { status: 'AVAILABLE' }])
  })

  test('cannot drain or restore the pool of somebody else in embedded mode', async () => {
    using pool = await testPool(2)
    chmodSync(pool.folder, 0o755)
    for (const name of ['drain', 'restore']) {
      expect(failureOf(await ann.chg(pool, name, '0', '--json')).code).toBe('permission-denied')
    }
    expect((await pool.status())[0]?.status).toBe('AVAILABLE')
  })
})
