import { fakePool } from '../pool.ts'
import { timeProgram } from '../programs.ts'
import type { Row } from '../row.ts'
import { inTurn, shown } from '../samples.ts'

export const status: Row = {
  name: 'status',
  what: 'canhazgpu status, 8 simulated GPUs, half of them reserved',
  async measure(bench) {
    const { canhazgpu, floor, effort } = bench
    const env = fakePool(bench, 8)
    timeProgram([canhazgpu, 'reserve', '--gpus', '4'], env)
    const taken = await inTurn(150 * effort, {
      floor: () => timeProgram([floor.program], env),
      subject: () => timeProgram([canhazgpu, 'status'], env),
    })
    return {
      value: shown(taken.subject),
      comparedWith: `empty program ${shown(taken.floor)}`,
      ratio: taken.subject.median / taken.floor.median,
      budget: 2.5,
      broken: [],
      details: taken,
    }
  },
}
