import { describe, expect, test } from 'bun:test'
import { storedPool } from '../../support/database.ts'
import { startForever } from '../../support/job.ts'
import { testPool } from '../../support/pool.ts'
import { kill } from '../../support/processes.ts'
import { CTRL_C, openShell } from '../../support/terminal.ts'
import { until } from '../../support/until.ts'
import { hold, storedQueue, untilProgress, untilServed, wait, waitToRun } from '../../support/waiters.ts'

const HOUR = 3_600_000

const time = (ms: number): string => new Date(ms).toISOString()

const ERASE = '\r\u001b[2K'

describe.concurrent('the progress of a waiter', () => {
  test('on a terminal: one line, redrawn and finally erased', async () => {
    using pool = await testPool(2)
    await hold(pool, '--gpus', '2', '--duration', '1h')
    const before = await waitToRun(pool)
    using terminal = openShell(pool)
    terminal.type('"$CHG" run --wait --gpus 1 -- echo "it ru"ns\n')
    await terminal.see(`${ERASE}\u001b[?7lWaiting for 1 GPU: position 2 of 2, 0 free, `)
    await terminal.see(`${storedQueue(pool)[1]?.owner.shownName}'s`)
    kill(before.pid, 'SIGKILL')
    await terminal.see(`${ERASE}\u001b[?7lWaiting for 1 GPU: position 1 of 1, 0 free`)
    await pool.chg('release')
    await terminal.see(`${ERASE}Reserved 1 GPU(s): [0] for command execution\r\n`)
    await terminal.see('it runs')
    const progress = terminal.shown.slice(
      terminal.shown.indexOf('Waiting'),
      terminal.shown.indexOf('Reserved'),
    )
    expect(progress).not.toContain('\n')
  })

  test('on a narrow terminal: cut, never wrapped', async () => {
    using pool = await testPool(2)
    await hold(pool, '--gpus', '2', '--duration', '1h', '--user', '日本語')
    using terminal = openShell(pool, { columns: 80 })
    terminal.type('"$CHG" run --wait --gpus 1 -- true\n')
    await terminal.see(`${ERASE}\u001b[?7lWaiting for 1 GPU: position 1 of 1, 0 free, `)
    await terminal.see('…\u001b[?7h')
    const shown = terminal.shown.slice(terminal.shown.indexOf(ERASE) + ERASE.length)
    const [, visible = ''] = shown.split(/\[\?7l|…/)
    // One column more if a wide character would not fit.
    expect(Bun.stringWidth(`${visible}…`)).toBeOneOf([79, 80])
    terminal.type(CTRL_C)
  })

  test('in a log: lines with the time, one for each change that concerns the waiter', async () => {
    using pool = await testPool(2)
    const job = await startForever(pool, '--gpus', '2')
    const first = await waitToRun(pool, '--gpus', '2')
    const second = await waitToRun(pool, '--gpus', '2')
    await until('it prints its place', () => second.stderr().includes('position 2 of 2'))
    const third = await waitToRun(pool)
    await until('the newcomer prints its place', () => third.stderr().includes('position 3 of 3'))
    kill(first.pid, 'SIGTERM')
    expect(await first.ended()).toBe(130)
    await until('it prints its new place', () => second.stderr().includes('position 1 of 2'))
    kill(job.pid, 'SIGKILL')
    await untilServed(pool, second)
    await until('it runs', () => second.stderr().includes('Reserved'))
    const lines = second.stderr().trim().split('\n')
    expect(lines).toEqual([
      expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d Waiting for 2 GPUs: position 2 of 2, 0 free, /),
      expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d Waiting for 2 GPUs: position 1 of 2, 0 free, /),
      'Reserved 2 GPU(s): [0, 1] for command execution',
    ])
    expect(second.stderr()).not.toContain('\u001b')
    for (const { pid } of [second, third]) kill(pid, 'SIGKILL')
  })

  test('the expected start, and the holder whose reservation ends then', async () => {
    using pool = await testPool(2)
    await hold(pool, '--gpu-ids', '0', '--duration', '1d', '--user', 'alice')
    const job = await startForever(pool, '--timeout', '2d', '--user', 'bob')
    const both = await wait(pool, 'reserve', '--wait', '--json', '--gpus', '2', '--duration', '1h')
    const [manual, run] = storedPool(pool).reservations.map(({ term }) => term)
    if (manual?.kind !== 'manual' || run?.kind !== 'run') throw new Error('two reservations are missing')
    const runEnds = run.limit?.killAt ?? 0
    await untilProgress(both, { earliest_start: time(runEnds) })
    const row = async () => (await pool.chg('queue')).stdout.split('\n')[1]
    expect(await row()).toContain('bob (')
    // The second waiter comes after the first, which holds both GPUs for an hour.
    const one = await waitToRun(pool, '--json')
    await untilProgress(one, { position: 2, length: 2, free: 0, earliest_start: time(runEnds + HOUR) })
    kill(job.pid, 'SIGKILL')
    await untilProgress(both, { earliest_start: time(manual.expiresAt) })
    expect(await row()).toContain('alice (')
  })
})
