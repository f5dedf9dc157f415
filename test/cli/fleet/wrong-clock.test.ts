import { expect } from 'bun:test'
import { inDaemonMode, needing } from '../../support/needs.ts'
import { testPool } from '../../support/pool.ts'
import { redisServer } from '../../support/redis.ts'
import { expectTheSame, seenBy, untilSeen } from '../../support/seen.ts'
import { wrongClock } from '../../support/wrong-clock.ts'

const DAY_SECONDS = 86_400

/** Far longer than the test takes. */
const NEW_SECONDS = 600

for (const [where, by] of [
  ['a day ahead', DAY_SECONDS],
  ['a day behind', -DAY_SECONDS],
] as const) {
  needing('redis-server', 'gcc').concurrent(
    `the clock of a host is set ${where}, and right again`,
    async () => {
      using server = await redisServer()
      using clock = wrongClock()
      const name = { CANHAZGPU_FLEET: server.url, CANHAZGPU_HOST_NAME: 'gpu1' }
      using alone = await testPool(3, clock.env)
      using pool = await testPool(3, { ...name, ...clock.env })
      using reader = await testPool(0, { ...name, CANHAZGPU_HOST_NAME: 'desk' })
      /** Both say the same, whatever the clock shows. */
      const both = (...lines: string[]) => expectTheSame(pool, alone, lines)
      await both('reserve --gpu-ids 0 --duration 2h')
      await untilSeen(reader, 'gpu1', 'IN_USE, AVAILABLE, AVAILABLE')

      clock.set(by)
      await both('status', 'run -- true', 'reserve --gpu-ids 1 --duration 2h')
      // The newest state is seen, although its times are earlier or much later; nothing of it seems to have expired.
      const wrong = await untilSeen(reader, 'gpu1', 'IN_USE, IN_USE, AVAILABLE')
      expect([wrong.state, (wrong.age_seconds ?? DAY_SECONDS) < NEW_SECONDS]).toEqual(['current', true])
      for (const { duration_seconds: held = DAY_SECONDS } of wrong.gpus?.slice(0, 2) ?? []) {
        expect(held).toBeLessThan(NEW_SECONDS)
      }
      const [doctor, expected] = [await pool.chg('doctor', 'board'), by < 0 ? 'ahead of' : 'behind']
      expect(doctor.stdout).toMatch(
        new RegExp(`The clock of the notice board is 86\\d{3} s ${expected} that of this`),
      )

      clock.set(0)
      await both('release')
      const right = await untilSeen(reader, 'gpu1', 'AVAILABLE, AVAILABLE, AVAILABLE')
      expect([right.state, (right.age_seconds ?? DAY_SECONDS) < NEW_SECONDS]).toEqual(['current', true])
      await both('status')
    },
  )

  needing('redis-server', 'gcc').concurrent(`the clock of a reader is ${where}: ages are right`, async () => {
    using server = await redisServer()
    using clock = wrongClock()
    const name = { CANHAZGPU_FLEET: server.url, CANHAZGPU_HOST_NAME: 'gpu1' }
    using pool = await testPool(2, name)
    using reader = await testPool(0, { ...name, ...clock.env, CANHAZGPU_HOST_NAME: 'desk' })
    await pool.chg('reserve', '--gpu-ids', '0', '--duration', '2h')
    clock.set(by)
    const seen = await untilSeen(reader, 'gpu1', 'IN_USE, AVAILABLE')
    expect([seen.state, (seen.age_seconds ?? DAY_SECONDS) < NEW_SECONDS]).toEqual(['current', true])
    const { stdout } = await reader.chg('status', '--all')
    expect(stdout).toContain('gpu1: 1 of 2 available\n')
    // The reservation expires for every reader when it does so for its host.
    if (inDaemonMode) return
    await server.ask('HINCRBY', 'canhazgpu:host:gpu1', 'received', String(-2 * 3_600_000))
    expect((await seenBy(reader, 'gpu1'))?.gpus?.map(({ status }) => status)).toEqual([
      'AVAILABLE',
      'AVAILABLE',
    ])
  })
}
