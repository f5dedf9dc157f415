import { describe, expect, test } from 'bun:test'
import { readlinkSync } from 'node:fs'
import { storedHistory, storedPool } from '../../support/database.ts'
import { child, startForever } from '../../support/job.ts'
import { needing } from '../../support/needs.ts'
import { testPool } from '../../support/pool.ts'
import { hasEnded, kill, stateOf } from '../../support/processes.ts'
import { CTRL_C, openShell, type TestTerminal } from '../../support/terminal.ts'
import { newUser, sharedPool } from '../../support/unix-users.ts'
import { until } from '../../support/until.ts'
import {
  failureAtEnd,
  hold,
  storedQueue,
  untilProgress,
  untilServed,
  wait,
  waitToRun,
} from '../../support/waiters.ts'

describe.concurrent('a waiter leaves the queue', () => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    test(`on ${signal}`, async () => {
      using pool = await testPool(1)
      await hold(pool)
      const waiters = [await waitToRun(pool, '--json'), await wait(pool, 'reserve', '--wait', '--json')]
      for (const waiter of waiters) {
        kill(waiter.pid, signal)
        expect(await failureAtEnd(waiter)).toMatchObject({ status: 130, code: 'interrupted' })
        expect(storedQueue(pool).map(({ id }) => id)).not.toContain(waiter.id)
      }
      expect(storedQueue(pool)).toEqual([])
    })
  }

  test('on Ctrl-C, and erases its progress line', async () => {
    using pool = await testPool(1)
    await hold(pool)
    using terminal = openShell(pool)
    terminal.type('"$CHG" run --wait -- true\n')
    await terminal.see('position 1 of 1')
    terminal.type(CTRL_C)
    await terminal.see('\r\u001b[2KError: ')
    terminal.type('echo "status $?"\n')
    await terminal.see('status 130')
    expect(storedQueue(pool)).toEqual([])
  })

  test('when its terminal closes', async () => {
    using pool = await testPool(1)
    await hold(pool)
    using terminal = openShell(pool)
    terminal.type('"$CHG" run --wait -- true\n')
    await terminal.see('position 1 of 1')
    const pid = storedQueue(pool)[0]?.process.pid ?? 0
    terminal.hangUp()
    await until('the waiter has ended', () => hasEnded(pid))
    expect(storedQueue(pool)).toEqual([])
  })

  test('on repeated SIGHUP: the terminal and its shell both send one', async () => {
    using pool = await testPool(1)
    await hold(pool)
    for (let round = 0; round < 5; round++) {
      const waiter = await waitToRun(pool)
      for (let signal = 0; signal < 20; signal++) {
        kill(waiter.pid, 'SIGHUP')
        await Bun.sleep(0)
      }
      expect(await waiter.ended()).toBe(130)
      expect(storedQueue(pool)).toEqual([])
    }
  })

  test('but not under nohup, when its terminal closes', async () => {
    using pool = await testPool(1)
    await hold(pool)
    using terminal = openShell(pool)
    terminal.type(`nohup "$CHG" run --wait -- sh -c 'echo served > served' > out 2>&1 &\n`)
    await until('it is in the queue', () => storedQueue(pool).length === 1)
    terminal.hangUp()
    await terminal.process.exited
    expect(storedQueue(pool)).toHaveLength(1)
    await pool.chg('release')
    await until('it has its GPU', () => Bun.file(`${pool.folder}/served`).exists())
  })

  test('but not when only the terminal of its messages closes', async () => {
    using pool = await testPool(1)
    await hold(pool)
    using other = openShell(pool)
    using terminal = openShell(pool)
    const path = readlinkSync(`/proc/${other.process.pid}/fd/0`)
    terminal.type(`"$CHG" run --wait -- sh -c 'echo served > served' 2> ${path}\n`)
    await other.see('position 1 of 1')
    other.hangUp()
    await other.process.exited
    await pool.chg('release')
    await until('it has its GPU', () => Bun.file(`${pool.folder}/served`).exists())
  })

  test('at its time limit', async () => {
    using pool = await testPool(1)
    await hold(pool)
    const waiters = [
      await wait(pool, 'run', '--wait', '2s', '--json', '--', 'true'),
      await wait(pool, 'reserve', '--wait', '2s', '--json'),
    ]
    for (const waiter of waiters) {
      expect(await failureAtEnd(waiter)).toMatchObject({
        status: 75,
        code: 'wait-timed-out',
        reason: { code: 'timed-out', busy: [{ gpu_id: 0, yours: true, until: expect.any(String) }] },
      })
    }
    expect(storedQueue(pool)).toEqual([])
  })
})

describe.concurrent('a waiter that is killed', () => {
  test('is out of the queue at the next command', async () => {
    using pool = await testPool(1)
    await hold(pool)
    const waiter = await waitToRun(pool)
    kill(waiter.pid, 'SIGKILL')
    await waiter.process.exited
    expect((await pool.chg('queue', '--json')).stdout).toBe('[]\n')
    await pool.chg('release')
    expect((await pool.chg('reserve')).status).toBe(0)
    expect(storedQueue(pool)).toEqual([])
  })

  test('blocks the waiters behind no longer', async () => {
    using pool = await testPool(2)
    await hold(pool, '--gpu-ids', '0')
    const first = await waitToRun(pool, '--gpus', '2')
    const second = await waitToRun(pool)
    kill(first.pid, 'SIGKILL')
    expect(await untilServed(pool, second)).toEqual([1])
  })

  test('no longer counts in the positions of the waiters behind', async () => {
    using pool = await testPool(1)
    await hold(pool)
    const waiters = [await waitToRun(pool), await waitToRun(pool), await waitToRun(pool, '--json')] as const
    kill(waiters[1].pid, 'SIGKILL')
    await untilProgress(waiters[2], { position: 2, length: 2 })
    await pool.chg('release')
    await untilServed(pool, waiters[0])
  })

  test('together with all other waiters leaves an empty queue', async () => {
    using pool = await testPool(1)
    await hold(pool)
    const waiters = await Promise.all(Array.from({ length: 10 }, () => waitToRun(pool)))
    for (const { pid } of waiters) kill(pid, 'SIGKILL')
    await Promise.all(waiters.map(({ process }) => process.exited))
    await pool.chg('release')
    expect((await pool.chg('run', '--', 'true')).status).toBe(0)
    expect(storedQueue(pool)).toEqual([])
  })
})

describe.concurrent('a waiter that is stopped', () => {
  test('gets no GPU after its time limit', async () => {
    using pool = await testPool(1)
    await hold(pool)
    const waiter = await wait(pool, 'run', '--wait', '2s', '--', 'true')
    kill(waiter.pid, 'SIGSTOP')
    await until('it is stopped', () => stateOf(waiter.pid) === 'T')
    await pool.chg('release')
    const lastMoment = storedQueue(pool)[0]?.waitUntil ?? 0
    await until('its time limit', () => Date.now() > lastMoment)
    kill(waiter.pid, 'SIGCONT')
    expect(await waiter.ended()).toBe(75)
    expect(storedHistory(pool).map(({ kind }) => kind)).toEqual(['manual'])
    expect(storedQueue(pool)).toEqual([])
  })
})

test('SIGINT before the grant is noticed leaves no reservation', async () => {
  using pool = await testPool(1)
  const job = await startForever(pool)
  const waiter = await wait(pool, 'reserve', '--wait')
  kill(waiter.pid, 'SIGSTOP')
  await until('it is stopped', () => stateOf(waiter.pid) === 'T')
  kill(waiter.pid, 'SIGINT')
  kill(job.pid, 'SIGKILL')
  await until('the job has ended', () => storedHistory(pool).length === 1)
  kill(waiter.pid, 'SIGCONT')
  expect(await waiter.ended()).toBe(130)
  expect((await pool.chg('run', '--', child('exit-7'))).status).toBe(7)
})

test('a signal during the grant is not lost', async () => {
  using pool = await testPool(1)
  for (let round = 0; round < 30; round++) {
    await hold(pool)
    const waiter = await waitToRun(pool)
    const granted = () => storedPool(pool).reservations.some(({ id }) => id === waiter.id)
    const release = pool.start('release')
    while (!granted()) if (round % 2 === 1) await Bun.sleep(0)
    kill(waiter.pid, (['SIGTERM', 'SIGINT', 'SIGHUP'] as const)[round % 3] ?? 'SIGTERM')
    await waiter.ended()
    await release.exited
    await pool.chg('status')
    expect(storedPool(pool).reservations).toEqual([])
  }
})

/** How to start a waiter on a terminal, and whether it stays in the queue after the terminal has closed. */
interface OnTerminal {
  readonly stays: boolean
  /** `$WAIT` is the command. */
  readonly typed: readonly string[]
}

const ON_TERMINALS: Readonly<Record<string, OnTerminal>> = {
  'in the background': { stays: false, typed: ['$WAIT &'] },
  'in su -': { stays: false, typed: ['su - $USER', '$WAIT'] },
  'in the background of su -': { stays: false, typed: ['su - $USER', '$WAIT &'] },
  'as the command of su': { stays: false, typed: [`su $USER -c '$WAIT'`] },
  'with nohup': { stays: true, typed: ['nohup $WAIT > nohup.log 2>&1 &'] },
  'with nohup in su': { stays: true, typed: ['su $USER', 'nohup $WAIT > /dev/null 2>&1 &'] },
  'in a session of its own': { stays: true, typed: ['setsid $WAIT'] },
  'disowned, with its output in a file': { stays: true, typed: ['$WAIT > disowned.log 2>&1 & disown'] },
}

needing('users', 'su', 'setsid').test(
  'a waiter whose terminal closes leaves the queue, unless it was started to outlive the terminal',
  async () => {
    using pool = await sharedPool(1)
    await hold(pool)
    const ann = await newUser('ann')
    const terminals: TestTerminal[] = []
    try {
      for (const [note, { typed }] of Object.entries(ON_TERMINALS)) {
        const terminal = openShell(pool)
        terminals.push(terminal)
        const command = `CANHAZGPU_STORE=${pool.store} ${ann.executable} run --wait --note "${note}" -- true`
        for (const keys of typed) {
          const words = keys
            .replace('nohup $WAIT', 'nohup env $WAIT')
            .replace('setsid $WAIT', 'setsid env $WAIT')
          terminal.type(`${words.replace('$WAIT', command).replace('$USER', ann.name)}\n`)
        }
        await until(`it waits ${note}`, () => storedQueue(pool).some((entry) => entry.note === note))
      }
      const entries = storedQueue(pool)
      const pidOf = (wanted: string) => entries.find(({ note }) => note === wanted)?.process.pid ?? 0
      for (const terminal of [...terminals].reverse()) terminal.hangUp()
      const names = Object.keys(ON_TERMINALS)
      const staying = names.filter((name) => ON_TERMINALS[name]?.stays)
      for (const name of names) {
        if (!staying.includes(name)) await until(`it leaves ${name}`, () => hasEnded(pidOf(name)))
      }
      expect(storedQueue(pool).map(({ note }) => note)).toEqual(staying)
      expect(staying.filter((name) => hasEnded(pidOf(name)))).toEqual([])
    } finally {
      for (const terminal of terminals) terminal[Symbol.dispose]()
      for (const { process } of storedQueue(pool)) kill(process.pid, 'SIGKILL')
      await ann.remove()
    }
  },
)
