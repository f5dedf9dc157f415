import { expect } from 'bun:test'
import { chmodSync } from 'node:fs'
import { daemonPool } from '../../support/daemon.ts'
import { failureOf } from '../../support/failure.ts'
import { needing } from '../../support/needs.ts'
import { kill } from '../../support/processes.ts'
import { newGroup, newUser, sharedPool } from '../../support/unix-users.ts'
import { until } from '../../support/until.ts'

async function sharedDaemonPool(gpus: number) {
  const pool = await daemonPool(gpus)
  chmodSync(pool.folder, 0o755)
  return pool
}

for (const [mode, makePool] of [
  ['embedded', sharedPool],
  ['daemon', sharedDaemonPool],
] as const)
  needing('users').test(
    `${mode}: a refusal by a limit has the limit and its source, what the account uses, and when it allows the request`,
    async () => {
      using pool = await makePool(4)
      const group = newGroup()
      const ann = await newUser('ann', [group.name])
      const ben = await newUser('ben')
      try {
        const ofGroup = { source: 'group', name: group.name }
        const ofAnn = { source: 'account', name: ann.name }
        const at = expect.any(String)
        const refused = async (...args: readonly string[]) => {
          const [name = '', ...rest] = args
          const { code, status, reason } = failureOf(await ann.chg(pool, name, '--json', ...rest))
          return { code, status, ...reason }
        }
        const set = async (...args: readonly string[]) =>
          expect((await pool.chg('policy', 'set', ...args)).status).toBe(0)
        await set('max-gpus', '2', '--group', group.name)
        await set('max-duration', '2h', '--account', ann.name)
        await set('max-duration', '3h')
        await set('default-duration', '1h')
        await set('max-waiting', '1', '--group', group.name)

        // What a limit never allows is refused at once, also with a wait.
        const never = {
          code: 'over-limit',
          status: 2,
          limit: 'gpus',
          requested: 3,
          used: 0,
          most: 2,
          ...ofGroup,
        }
        for (const wait of [[], ['--wait']]) {
          expect(await refused('reserve', '--gpus', '3', ...wait)).toMatchObject(never)
          expect(await refused('run', '--gpus', '3', ...wait, '--', 'true')).toMatchObject(never)
        }
        const long = { status: 2, limit: 'duration', most_seconds: 7_200, requested_seconds: 9_000, ...ofAnn }
        expect(await refused('reserve', '--duration', '150m')).toMatchObject(long)
        expect(await refused('run', '--timeout', '150m', '--wait', '--', 'true')).toMatchObject(long)
        const ofBen = failureOf(await ben.chg(pool, 'run', '--json', '--timeout', '4h', '--', 'true'))
        expect(ofBen.reason).toMatchObject({ limit: 'duration', most_seconds: 10_800, source: 'pool' })

        // The default duration makes the end of this run known.
        const held = ann.start(pool, 'run', '--gpus', '2', '--', 'sleep', '1000')
        await until('it holds its GPUs', async () =>
          (await pool.status()).some(({ user }) => user === ann.name),
        )
        const over = { status: 75, limit: 'gpus', requested: 1, used: 2, most: 2, allowed_at: at, ...ofGroup }
        expect(await refused('reserve')).toMatchObject(over)
        expect(await refused('run', '--', 'true')).toMatchObject(over)
        const user = { pid: held.pid, uid: ann.uid, user: ann.name, memory_mb: 5_000 }
        pool.setFakeDriver({ gpus: { 3: { processes: [user] } } })
        expect(await refused('reserve', '--claim')).toMatchObject(over)
        const timedOut = await refused('run', '--wait', '1s', '--', 'true')
        expect(timedOut).toMatchObject({ code: 'timed-out', limit_reached: { used: 2, most: 2, ...ofGroup } })

        const waiter = ann.start(pool, 'run', '--wait', '--', 'true')
        const queue = async () => JSON.parse((await ben.chg(pool, 'queue', '--json')).stdout)
        await until('it waits', async () => (await queue()).length === 1)
        expect(await queue()).toMatchObject([
          { reason_code: 'over-limit', used: 2, most: 2, earliest_start: at, ...ofGroup },
        ])
        const full = { status: 75, limit: 'account', waiting: 1, most: 1, allowed_at: at, ...ofGroup }
        expect(await refused('run', '--wait', '--', 'true')).toMatchObject(full)
        expect(await refused('reserve', '--wait')).toMatchObject(full)
        for (const each of [waiter, held]) {
          kill(each.pid, 'SIGKILL')
          await each.exited
        }

        await ann.chg(pool, 'reserve', '--gpu-ids', '0', '--duration', '1h')
        const longer = { status: 2, limit: 'duration', most_seconds: 7_200, used_seconds: 3_600, ...ofAnn }
        expect(await refused('extend', '90m')).toMatchObject({ ...longer, requested_seconds: 9_000 })
        expect((await ann.chg(pool, 'extend', '30m')).status).toBe(0)
      } finally {
        await ann.remove()
        await ben.remove()
        group.remove()
      }
    },
    60_000,
  )
