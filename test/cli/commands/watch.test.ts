import { describe, expect, test } from 'bun:test'
import { binary, type TestPool, testPool } from '../../support/pool.ts'
import { kill, pidsWith, stateOf } from '../../support/processes.ts'
import {
  CTRL_BACKSLASH,
  CTRL_C,
  CTRL_Z,
  openShell,
  openTerminal,
  type TestTerminal,
} from '../../support/terminal.ts'
import { until } from '../../support/until.ts'
import { hold } from '../../support/waiters.ts'

const ENTER = '\u001b[?1049h'
const LEAVE = '\u001b[?1049l'
const HOME = '\u001b[H'
const CLEAR = '\u001b[2J'

const ERASE_ROW = '\u001b[K'
const ERASE_REST = '\u001b[J'

/** The lines of the last complete screen. */
function screen(terminal: TestTerminal): readonly string[] {
  const drawing = terminal.shown.split(HOME).findLast((each) => each.includes(ERASE_REST)) ?? ''
  return Bun.stripANSI(drawing).replaceAll('\r', '').split('\n')
}

const watcherOf = (pool: TestPool): Promise<number> =>
  until('the pool is watched', () =>
    pidsWith('WATCH=1').find((pid) => pidsWith(`CANHAZGPU_STORE=${pool.store}`).includes(pid)),
  )

describe.concurrent('status --watch', () => {
  test('redraws after a change, and ends with Ctrl-C', async () => {
    using pool = await testPool(2)
    pool.setFakeDriver({})
    using terminal = openTerminal(pool, [binary, 'status', '--watch'])
    await terminal.see(HOME)
    await terminal.see(' - q to leave')
    await terminal.see('GPU 1: ')
    await hold(pool, '--gpu-ids', '1', '--note', 'watched')
    await terminal.see(HOME)
    await terminal.see(' - watched')
    // GPU memory changes without a change of the pool.
    pool.setFakeDriver({
      gpus: { 0: { processes: [{ pid: 2 ** 22 + 1, uid: 4242, user: 'bob', name: 'x', memory_mb: 2000 }] } },
    })
    await terminal.see('WITHOUT RESERVATION')
    terminal.type(CTRL_C)
    expect(await terminal.process.exited).toBe(0)
    expect(terminal.shown).toEndWith(LEAVE)
  })

  test('continues while the driver fails, and shows the error', async () => {
    using pool = await testPool(1)
    pool.setFakeDriver({ fail: 'version mismatch' })
    using terminal = openTerminal(pool, [binary, 'status', '--table', '--watch'])
    await terminal.see('version mismatch')
    await terminal.see('Error: ')
    pool.setFakeDriver({})
    await terminal.see('AVAILABLE')
    terminal.type('q')
    expect(await terminal.process.exited).toBe(0)
  })

  test('q ends it while the driver hangs', async () => {
    using pool = await testPool(1)
    pool.setFakeDriver({})
    await hold(pool)
    using terminal = openTerminal(pool, [binary, 'status', '--watch', '--probe-timeout', '1h'])
    await terminal.see('IN USE')
    pool.setFakeDriver({ hang: true })
    // The command probes the driver at once.
    await pool.chg('release')
    terminal.type('q')
    expect(await terminal.process.exited).toBe(0)
  })

  test('needs a terminal', async () => {
    using pool = await testPool(1)
    expect(await pool.chg('status', '--watch')).toMatchObject({ status: 2, stdout: '' })
  })

  const endings: Readonly<Record<string, (terminal: TestTerminal, pid: number) => void>> = {
    q: (terminal) => terminal.type('q'),
    'Ctrl-C': (terminal) => terminal.type(CTRL_C),
    'Ctrl-\\': (terminal) => terminal.type(CTRL_BACKSLASH),
    SIGTERM: (_, pid) => kill(pid, 'SIGTERM'),
    SIGHUP: (_, pid) => kill(pid, 'SIGHUP'),
  }
  for (const [how, end] of Object.entries(endings)) {
    test(`the terminal is restored after ${how}`, async () => {
      using pool = await testPool(1)
      using terminal = openShell(pool)
      terminal.type('stty -a > before; WATCH=1 "$CHG" status --watch; echo "status $?"; stty -a > after\n')
      await terminal.see(ENTER)
      await terminal.see('AVAILABLE')
      end(terminal, await watcherOf(pool))
      await terminal.see(LEAVE)
      await terminal.see('status 0')
      terminal.type('echo do"ne"\n')
      await terminal.see('done')
      const modes = (name: string) => Bun.file(`${pool.folder}/${name}`).text()
      expect(await modes('after')).toBe(await modes('before'))
    })
  }

  test('Ctrl-Z restores the terminal; fg redraws', async () => {
    using pool = await testPool(1)
    using terminal = openShell(pool)
    terminal.type('stty -a > before; WATCH=1 "$CHG" status --watch\n')
    await terminal.see('AVAILABLE')
    terminal.type(CTRL_Z)
    await terminal.see(LEAVE)
    await terminal.see('Stopped')
    terminal.type('stty -a > after; echo do"ne"\n')
    await terminal.see('done')
    const modes = (name: string) => Bun.file(`${pool.folder}/${name}`).text()
    expect(await modes('after')).toBe(await modes('before'))
    terminal.type('fg\n')
    await terminal.see(ENTER)
    await terminal.see('AVAILABLE')
    terminal.type('q')
    await terminal.see(LEAVE)
    terminal.type('echo "status $?"\n')
    await terminal.see('status 0')
  })

  test('in the background it does not touch the terminal, and can be ended', async () => {
    using pool = await testPool(1)
    using terminal = openShell(pool)
    terminal.type('WATCH=1 "$CHG" status --watch\n')
    await terminal.see('AVAILABLE')
    terminal.type(CTRL_Z)
    await terminal.see('Stopped')
    const watcher = await watcherOf(pool)
    terminal.type('bg\n')
    await until('the command continues', () => stateOf(watcher) === 'S')
    const shown = terminal.shown.length
    // The command probes the driver after a change, and draws nothing.
    await hold(pool)
    terminal.type('kill %1; wait %1; echo "status $?"\n')
    await terminal.see('status 0')
    expect(terminal.shown.slice(shown)).not.toContain('GPU 0')
  })

  test('fits the terminal, also after a resize', async () => {
    using pool = await testPool(8)
    using terminal = openTerminal(pool, [binary, 'status', '--watch'], { columns: 50, rows: 6 })
    await terminal.see('… 5 more lines')
    for (const [columns, rows] of [
      [30, 20],
      [120, 4],
    ] as const) {
      terminal.resize(columns, rows)
      await terminal.see(CLEAR)
      const expected = rows === 20 ? 'GPU 7' : '… 7 more lines'
      await terminal.see(expected)
      await until('the screen is drawn', () => screen(terminal).length <= rows)
      for (const each of screen(terminal)) expect(Bun.stringWidth(each)).toBeLessThanOrEqual(columns)
    }
    // After a full row the cursor is on its last character, which must not be erased.
    expect(terminal.shown).toContain('…')
    for (const erased of [ERASE_ROW, ERASE_REST]) expect(terminal.shown).not.toContain(`…${erased}`)
    terminal.type('q')
    await terminal.process.exited
  })
})
