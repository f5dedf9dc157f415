import { describe, expect, test } from 'bun:test'
import { startForever } from '../../support/job.ts'
import { binary, testPool } from '../../support/pool.ts'
import { kill } from '../../support/processes.ts'
import { CTRL_C, openShell, openTerminal } from '../../support/terminal.ts'
import { until } from '../../support/until.ts'
import { hold, line, stage, untilServed, wait, waitToRun } from '../../support/waiters.ts'

const ERASE = '\r\u001b[2K'
const CLEAR = '\u001b[H\u001b[2J'

describe.concurrent('the news of a wait', () => {
  test('on a terminal: one line, redrawn and in the end erased', async () => {
    using pool = await testPool(2)
    await hold(pool, '--gpus', '2', '--duration', '1h')
    const before = await waitToRun(pool)
    using terminal = openShell(pool)
    terminal.type('"$CHG" run --wait --gpus 1 -- echo "it ru"ns\n')
    await terminal.see(`${ERASE}\u001b[?7lWaiting for 1 GPU: position 2 of 2, 0 free, earliest `)
    await terminal.see(
      "(when root's reservation expires)".replace('root', line(pool)[1]?.owner.shownName ?? ''),
    )
    kill(before.pid, 'SIGKILL')
    await terminal.see(`${ERASE}\u001b[?7lWaiting for 1 GPU: position 1 of 1, 0 free`)
    await pool.chg('release')
    await terminal.see(`${ERASE}Reserved 1 GPU(s): [0] for command execution\r\n`)
    await terminal.see('it runs')
    const news = terminal.shown.slice(terminal.shown.indexOf('Waiting'), terminal.shown.indexOf('Reserved'))
    expect(news).not.toContain('\n')
  })

  test('elsewhere: plain lines, one for each change', async () => {
    using pool = await testPool(2)
    const job = await startForever(pool, '--gpus', '2')
    const waiter = await waitToRun(pool, '--gpus', '2')
    await until('it is told of its place', () => waiter.said().includes('position 1 of 1'))
    const other = await waitToRun(pool)
    await until('it is told of both', () => waiter.said().includes('position 1 of 2'))
    kill(other.pid, 'SIGTERM')
    expect(await other.ended()).toBe(130)
    kill(job.pid, 'SIGKILL')
    await untilServed(pool, waiter)
    await until('it runs', () => waiter.said().includes('Reserved'))
    const lines = waiter.said().trim().split('\n')
    expect(lines[0]).toMatch(
      /^Waiting for 2 GPUs: position 1 of 1, 0 free, earliest unknown \(.+'s run has no time limit\)$/,
    )
    expect(lines.at(-1)).toBe('Reserved 2 GPU(s): [0, 1] for command execution')
    expect(lines.filter((each, nth) => each === lines[nth - 1])).toEqual([])
    expect(waiter.said()).not.toContain('\u001b')
    kill(waiter.pid, 'SIGKILL')
  })

  test('names who is waited for, and until when', async () => {
    using pool = await testPool(2)
    await hold(pool, '--gpu-ids', '0', '--duration', '1d', '--user', 'alice')
    const job = await startForever(pool, '--timeout', '2d', '--user', 'bob')
    const both = await wait(pool, 'reserve', '--wait', '--gpus', '2', '--duration', '1h')
    await until('it is told', () =>
      / earliest \d{4}-\d\d-\d\d \d\d:\d\d \(when bob \(.*\)'s run times out\)/.test(both.said()),
    )
    const one = await waitToRun(pool)
    await until('it is told', () =>
      /position 2 of 2, 0 free, earliest \d{4}-\d\d-\d\d \d\d:\d\d\n/.test(one.said()),
    )
    expect((await pool.chg('queue')).stdout).toMatch(/\n1 .*when bob \(.*\)'s run times out/)
    kill(job.pid, 'SIGKILL')
    await until('it is told of alice', () =>
      /earliest .* \(when alice \(.*\)'s reservation expires\)/.test(both.said()),
    )
  })
})

describe.concurrent('status --watch', () => {
  test('draws anew when something changes, and ends with Ctrl-C', async () => {
    using pool = await testPool(2)
    stage(pool, {})
    using terminal = openTerminal(pool, [binary, 'status', '--watch'])
    await terminal.see(CLEAR)
    await terminal.see('GPU 1: ')
    await hold(pool, '--gpu-ids', '1', '--note', 'watched')
    await terminal.see(CLEAR)
    await terminal.see(' - watched')
    // Usage changes without a change of the pool.
    stage(pool, {
      gpus: { 0: { processes: [{ pid: 2 ** 22 + 1, uid: 4242, user: 'bob', name: 'x', memory_mb: 2000 }] } },
    })
    await terminal.see('WITHOUT RESERVATION')
    terminal.type(CTRL_C)
    expect(await terminal.process.exited).toBe(0)
  })

  test('goes on while the driver fails, and tells so', async () => {
    using pool = await testPool(1)
    stage(pool, { fail: 'version mismatch' })
    using terminal = openTerminal(pool, [binary, 'status', '--table', '--watch'])
    await terminal.see('version mismatch')
    stage(pool, {})
    await terminal.see('AVAILABLE')
    terminal.type(CTRL_C)
    await terminal.process.exited
  })

  test('needs a terminal', async () => {
    using pool = await testPool(1)
    expect(await pool.chg('status', '--watch')).toMatchObject({ status: 2, stdout: '' })
  })
})
