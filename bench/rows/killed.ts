import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { fakePool } from '../pool.ts'
import type { Row } from '../row.ts'
import { inTurn, shown } from '../samples.ts'

const BUDGET_MS = 3_000

export const killed: Row = {
  name: 'killed',
  what: 'from kill -9 of a command and its supervisor to the start of a waiting command (budget 3 s)',
  async measure(bench) {
    const env = fakePool(bench, 1)
    const database = join(bench.folder, 'pool', 'pool.db')
    const start = (...command: string[]) =>
      Bun.spawn([bench.canhazgpu, 'run', '--wait', '--', ...command], {
        env: { ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
    const { subject } = await inTurn(Math.max(2, Math.round(5 * bench.effort)), {
      subject: async () => {
        const first = start('sh', '-c', 'echo up; exec sleep 1000')
        await first.stdout.getReader().read()
        const second = start('echo', 'up')
        await second.stderr.getReader().read()
        const before = Bun.nanoseconds()
        Bun.spawnSync(['pkill', '-9', '-f', `__supervise ${env.CANHAZGPU_STORE} ${reservationIn(database)}`])
        first.kill(9)
        await second.stdout.getReader().read()
        const ms = (Bun.nanoseconds() - before) / 1e6
        await second.exited
        return ms
      },
    })
    return {
      value: shown(subject),
      comparedWith: `${BUDGET_MS} ms`,
      ratio: subject.median / BUDGET_MS,
      budget: 1,
      broken: [],
      details: { subject },
    }
  },
}

function reservationIn(database: string): string {
  using db = new Database(database)
  const row = db.query<{ reservation: string }, []>('SELECT reservation FROM reservations').get()
  return row?.reservation ?? ''
}
