import { Database } from 'bun:sqlite'
import { fakePool, inMode, type Mode, modeWords } from '../pool.ts'
import type { Environment } from '../programs.ts'
import type { Row } from '../row.ts'
import { inTurn, shown } from '../samples.ts'

const BUDGET_MS = { embedded: 3_000, daemon: 15 } as const

export const killed = (mode: Mode): Row => ({
  name: inMode('killed', mode),
  what: `from kill -9 of a command${mode === 'daemon' ? '' : ' and its supervisor'} to the start of a waiting command${modeWords(mode)} (budget ${BUDGET_MS[mode]} ms)`,
  async measure(bench) {
    using pool = await fakePool(bench, 1, mode)
    const { env, database } = pool
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
        if (mode === 'embedded') killSupervisor(env, database)
        first.kill(9)
        await second.stdout.getReader().read()
        const ms = (Bun.nanoseconds() - before) / 1e6
        await second.exited
        return ms
      },
    })
    return {
      value: shown(subject),
      comparedWith: `${BUDGET_MS[mode]} ms`,
      ratio: subject.median / BUDGET_MS[mode],
      budget: 1,
      broken: [],
      details: { subject },
    }
  },
})

function killSupervisor(env: Environment, database: string): void {
  Bun.spawnSync(['pkill', '-9', '-f', `__supervise ${env.CANHAZGPU_STORE} ${reservationIn(database)}`])
}

function reservationIn(database: string): string {
  using db = new Database(database)
  const row = db.query<{ reservation: string }, []>('SELECT reservation FROM reservations').get()
  return row?.reservation ?? ''
}
