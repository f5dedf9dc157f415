import { adoptOrphans } from '../orphans.ts'
import { fakePool } from '../pool.ts'
import { timeProgram } from '../programs.ts'
import type { Row } from '../row.ts'
import { inTurn, shown } from '../samples.ts'

/** The whole work of a reservation: until the supervisor has recorded the end and exited. */
export const run: Row = {
  name: 'run',
  what: 'canhazgpu run -- true, minus true alone, until the supervisor has exited too',
  async measure(bench) {
    const { canhazgpu, floor, effort } = bench
    const env = fakePool(bench, 8)
    const orphans = adoptOrphans()
    let supervisors = 0
    const taken = await inTurn(100 * effort, {
      floor: () => timeProgram([floor.program], env),
      bare: () => timeProgram(['true'], env),
      untilExit: () => {
        const ms = timeProgram([canhazgpu, 'run', '--', 'true'], env)
        orphans.waitForAll()
        return ms
      },
      subject: () => {
        const before = Bun.nanoseconds()
        timeProgram([canhazgpu, 'run', '--', 'true'], env)
        supervisors += orphans.waitForAll()
        return (Bun.nanoseconds() - before) / 1e6
      },
    })
    const missed = supervisors === 0 ? ['no supervisor was seen'] : []
    return {
      value: `${shown(taken.subject)} minus ${shown(taken.bare)}; ${shown(taken.untilExit)} until the command's exit`,
      comparedWith: `empty program ${shown(taken.floor)}`,
      ratio: (taken.subject.median - taken.bare.median) / taken.floor.median,
      budget: 4,
      broken: missed,
      details: taken,
    }
  },
}
