import { expect, test } from 'bun:test'
import { type DaemonPool, daemonPool } from '../support/daemon.ts'
import { storedHistory, storedPool } from '../support/database.ts'
import { untilAllFree } from '../support/job.ts'
import { until } from '../support/until.ts'
import { hold, storedQueue } from '../support/waiters.ts'

/** A socket in front of that of the daemon. `granted` is called before the client gets the answer with its grant. */
function relay(pool: DaemonPool, granted: () => void) {
  const path = `${pool.folder}/relay.sock`
  const listener = Bun.listen<{ daemon?: Bun.Socket }>({
    unix: path,
    socket: {
      async open(client) {
        client.pause()
        const daemon = await Bun.connect({
          unix: pool.socket,
          socket: {
            data(_, bytes) {
              if (bytes.toString().includes('"reservation"')) granted()
              client.write(bytes)
            },
            close: () => void client.end(),
          },
        })
        client.data = { daemon }
        client.resume()
      },
      data: (client, bytes) => void client.data.daemon?.write(bytes),
      close: (client) => void client.data?.daemon?.end(),
    },
  })
  return { store: `unix://${path}`, [Symbol.dispose]: () => listener.stop(true) }
}

/** A `reserve --wait` that has its grant from a daemon that was stopped then, and has told its user that it is silent. */
async function confirming(pool: DaemonPool, store: string) {
  const waiter = pool.start('reserve', '--wait', '--store', store)
  let stderr = ''
  const read = (async () => {
    const decoder = new TextDecoder()
    for await (const bytes of waiter.stderr) stderr += decoder.decode(bytes, { stream: true })
  })()
  const [entry] = await until('it waits', () => (storedQueue(pool).length > 0 ? storedQueue(pool) : null))
  // The daemon may be stopped before it has answered this command.
  const released = pool.chg('release')
  await until('it is told', () => waiter.exitCode !== null || stderr.includes('has not answered since'))
  expect([waiter.exitCode, stderr]).toEqual([null, expect.stringContaining('Warning')])
  const ended = async () => {
    await read
    return waiter.exited
  }
  return { waiter, id: entry?.id ?? '', released, ended }
}

test('a daemon is stopped after a grant for longer than a restart: the waiter gets its grant', async () => {
  using pool = await daemonPool(1)
  await hold(pool)
  using relayed = relay(pool, () => pool.daemon().kill('SIGSTOP'))
  const { id, released, ended } = await confirming(pool, relayed.store)
  pool.daemon().kill('SIGCONT')
  await released
  expect(await ended()).toBe(0)
  expect(storedPool(pool).reservations.map((held) => held.id)).toEqual([id])
})

// The daemon does not accept the confirmation of a client that has ended: test/daemon/session.test.ts. Here its peer is
// the relay, which lives on.
test('a daemon is stopped after a grant: Ctrl-C ends the waiter, which does not wait for the daemon', async () => {
  using pool = await daemonPool(1)
  await hold(pool)
  using relayed = relay(pool, () => pool.daemon().kill('SIGSTOP'))
  const { waiter, released, ended } = await confirming(pool, relayed.store)
  waiter.kill('SIGINT')
  expect(await ended()).not.toBe(0)
  pool.daemon().kill('SIGCONT')
  await released
})

test('a daemon is stopped after a grant, and the waiter is killed before it reads it: nothing stays reserved', async () => {
  using pool = await daemonPool(1)
  await hold(pool)
  let waiter: Bun.Subprocess | undefined
  using relayed = relay(pool, () => {
    pool.daemon().kill('SIGSTOP')
    waiter?.kill('SIGKILL')
  })
  waiter = pool.start('reserve', '--wait', '--store', relayed.store)
  await until('it waits', () => storedQueue(pool).length > 0)
  const released = pool.chg('release')
  await waiter.exited
  pool.daemon().kill('SIGCONT')
  await released
  await untilAllFree(pool)
  expect(storedHistory(pool)).toHaveLength(2)
})
