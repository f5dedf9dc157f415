import { adoptOrphans } from '../orphans.ts'
import { fakePool, inMode, type Mode, modeWords } from '../pool.ts'
import { timeProgram } from '../programs.ts'
import type { Row } from '../row.ts'
import { inTurn, shown } from '../samples.ts'

/** The whole work of a reservation. Without a daemon: until the supervisor has recorded the end and exited. */
export const run = (mode: Mode): Row => ({
  name: inMode('run', mode),
  what: `canhazgpu run -- true, minus true alone, until all its processes have exited${modeWords(mode)}`,
  async measure(bench) {
    const { canhazgpu, floor, effort } = bench
    using pool = await fakePool(bench, 8, mode)
    const { env } = pool
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
    const expected = mode === 'daemon' ? supervisors === 0 : supervisors > 0
    const missed = expected ? [] : [`${supervisors} supervisors were seen`]
    return {
      value: `${shown(taken.subject)} minus ${shown(taken.bare)}; ${shown(taken.untilExit)} until the command's exit`,
      comparedWith: `empty program ${shown(taken.floor)}`,
      ratio: (taken.subject.median - taken.bare.median) / taken.floor.median,
      budget: mode === 'daemon' ? 2.2 : 7,
      broken: missed,
      details: taken,
    }
  },
})
