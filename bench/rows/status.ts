import { fakePool, inMode, type Mode, modeWords } from '../pool.ts'
import { timeProgram } from '../programs.ts'
import type { Row } from '../row.ts'
import { inTurn, shown } from '../samples.ts'

export const status = (mode: Mode): Row => ({
  name: inMode('status', mode),
  what: `canhazgpu status, 8 simulated GPUs, half of them reserved${modeWords(mode)}`,
  async measure(bench) {
    const { canhazgpu, floor, effort } = bench
    using pool = await fakePool(bench, 8, mode)
    const { env } = pool
    timeProgram([canhazgpu, 'reserve', '--gpus', '4'], env)
    const taken = await inTurn(150 * effort, {
      floor: () => timeProgram([floor.program], env),
      subject: () => timeProgram([canhazgpu, 'status'], env),
    })
    return {
      value: shown(taken.subject),
      comparedWith: `empty program ${shown(taken.floor)}`,
      ratio: taken.subject.median / taken.floor.median,
      budget: mode === 'daemon' ? 1.8 : 2.4,
      broken: [],
      details: taken,
    }
  },
})
