import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chmodSync } from 'node:fs'
import { type Abuser, startAbuser } from '../support/abuse/start.ts'
import { type DaemonPool, daemonPool } from '../support/daemon.ts'
import { failureOf } from '../support/failure.ts'
import { needing } from '../support/needs.ts'
import { newUser, type UnixUser } from '../support/unix-users.ts'

function abuser(user: UnixUser, pool: DaemonPool, abuse: string): Abuser {
  chmodSync(pool.folder, 0o755)
  const { uid, executable } = user
  return startAbuser({ uid, executable, folder: pool.folder, socket: pool.socket, abuse })
}

needing('users').describe('one account', () => {
  let ann: UnixUser
  beforeAll(async () => {
    ann = await newUser('ann')
  })
  afterAll(() => ann.remove())

  test.each([
    'opens refused connections, and keeps its end of them open',
    'connects and disconnects',
    'connects and disconnects as fast as the kernel allows, from several processes',
    'sends half requests',
    'sends requests byte by byte',
    'sends only line breaks',
    'greets without pause',
    'sends requests that are too long',
    'floods it with requests, and reads no answer',
    'sends requests for 100,000 GPUs by their ids',
    'sends requests that are nested as deep as possible',
    'sends a burst of bytes on each of 1,000 connections',
    'sends a burst of requests on each of 1,000 connections',
    'sends long requests without pause',
    'watches as often as it can while it changes the pool',
    'watches without reading while it changes the pool',
    'asks for the whole history again and again',
    'asks for reports on every connection',
    'waits, disconnects and waits again',
    'stops in the middle of everything',
  ])('%s, and another account is served', async (abuse) => {
    using pool = await daemonPool()
    await using attacking = abuser(ann, pool, abuse)
    await attacking.facts
    await expectService(pool)
  })

  test('opens 10,000 connections: 1,024 are accepted, and the others get one line', async () => {
    using pool = await daemonPool()
    await using many = abuser(ann, pool, 'opens 10,000 connections')
    expect(await many.facts).toEqual({ accepted: 1_024, refused: 10_000 - 1_024, told: 10_000 - 1_024 })
    expect(failureOf(await ann.chg(pool, 'status', '--json'))).toMatchObject({
      ...{ code: 'daemon-unavailable', status: 75 },
    })
    await expectService(pool)
  })

  test('sends mutated sessions: no request fails in the daemon, and nothing of another account changes', async () => {
    using pool = await daemonPool(2)
    await pool.chg('reserve', '--note', 'of the test')
    const before = (await pool.chg('admin', '--show')).stdout
    await using sessions = abuser(ann, pool, 'sends mutated sessions')
    expect(await sessions.facts).toEqual({ defects: 0, victim: 12, isAnswered: 1 })
    await expectService(pool)
    const [held] = await pool.status()
    expect([held?.status, held?.note]).toEqual(['IN_USE', 'of the test'])
    expect((await pool.chg('admin', '--show')).stdout).toBe(before)
  })

  test('waits 1,000 times: 256 requests are accepted', async () => {
    using pool = await daemonPool(1)
    expect((await pool.chg('reserve')).status).toBe(0)
    await using many = abuser(ann, pool, 'waits 1,000 times')
    expect(await many.facts).toEqual({ refused: 1_000 - 256 })
    expect(failureOf(await ann.chg(pool, 'reserve', '--wait', '--json'))).toMatchObject({
      ...{ code: 'too-many-waiting', status: 75 },
    })
    await expectService(pool)
  })
})

/** The daemon answers the account of the tests, and the pool is sound. */
async function expectService(pool: DaemonPool): Promise<void> {
  for (let times = 0; times < 5; times++) expect((await pool.status()).length).toBeGreaterThan(0)
  expect((await pool.chg('queue', '--json')).status).toBe(0)
  expect((await pool.chg('report')).status).toBe(0)
  expect((await pool.chg('admin', '--check')).stdout).toContain(' is sound: ')
  expect(pool.daemon().exitCode).toBeNull()
}
