import { own, released, reserved, running, usedByBob } from '../../test/docs/others.ts'
import { changeStoredPool, storedPool } from '../../test/support/database.ts'
import { embeddedPool } from '../../test/support/embedded.ts'
import { passTime } from '../../test/support/pass-time.ts'
import { binary, type TestPool } from '../../test/support/pool.ts'
import { openTerminal } from '../../test/support/terminal.ts'
import { ownName } from '../../test/support/unix-users.ts'
import { until } from '../../test/support/until.ts'

/** What appears on the terminal at one moment. */
export interface Moment {
  readonly seconds: number
  readonly text: string
}

/** Wide enough for every line, with the name of the account. */
const COLUMNS = 160
const TYPED_FOR = 0.8
const READ_FOR = 2.6
const MINUTE_MS = 60_000

/**
 * A session on a machine where alice runs a job, carol has a reservation and bob uses a GPU without one. Everything
 * below a `$` is what the built executable prints on a terminal. All three are the account of this process, so its name
 * in brackets is removed.
 */
export async function recordSession(): Promise<readonly Moment[]> {
  using pool = await embeddedPool(4)
  await teamAtWork(pool)
  const moments: Moment[] = []
  let seconds = 0.4
  const show = (text: string, pause: number) => {
    moments.push({ seconds, text: text.replaceAll(` (${ownName()})`, '') })
    seconds += pause
  }
  const type = async (words: string, meanwhile?: () => Promise<unknown>) => {
    show(`\u001b[1m$ canhazgpu ${words}\u001b[0m`, TYPED_FOR)
    show('\r\n', 0)
    using terminal = openTerminal(pool, [binary, ...words.split(' ')], {
      columns: COLUMNS,
      env: { TERM: 'xterm-256color' },
    })
    let shown = 0
    if (meanwhile) {
      await until('it waits', () => storedPool(pool).queue.length > 0 && terminal.shown.includes('Waiting'))
      shown = terminal.shown.length
      show(terminal.shown, READ_FOR)
      await meanwhile()
    }
    await terminal.process.exited
    await until('its last line is complete', () => terminal.shown.endsWith('\n'))
    show(terminal.shown.slice(shown), READ_FOR)
    show('\r\n', 0)
  }
  await type('status')
  await type('run --gpus 1 -- printenv CUDA_VISIBLE_DEVICES')
  await type('run --gpus 2 --wait -- printenv CUDA_VISIBLE_DEVICES', () => released(pool, '3'))
  return moments
}

async function teamAtWork(pool: TestPool): Promise<void> {
  await pool.chg('run', '--gpu-ids', '0', '--', 'true')
  await reserved(pool, 'carol', '3')
  await passTime(pool, 62 * MINUTE_MS)
  await running(pool, 'alice', '2')
  changeStoredPool(pool, (document) => ({
    ...document,
    reservations: document.reservations.map((each) =>
      each.term.kind === 'run' ? { ...each, startedAt: each.startedAt - 15 * MINUTE_MS } : each,
    ),
  }))
  const { gpus } = usedByBob(1)
  pool.setFakeDriver({
    gpus: { ...gpus, 0: { memory_used_mb: 45 }, 2: { processes: [own('alice', 8452)] } },
  })
}
