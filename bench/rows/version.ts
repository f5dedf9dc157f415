import { plainEnvironment } from '../pool.ts'
import { timeProgram } from '../programs.ts'
import type { Row } from '../row.ts'
import { inTurn, shown } from '../samples.ts'

export const version: Row = {
  name: 'version',
  what: 'canhazgpu --version',
  async measure({ canhazgpu, floor, effort, folder }) {
    const env = plainEnvironment(folder)
    const taken = await inTurn(200 * effort, {
      floor: () => timeProgram([floor.program], env),
      subject: () => timeProgram([canhazgpu, '--version'], env),
    })
    return {
      value: shown(taken.subject),
      comparedWith: `empty program ${shown(taken.floor)}`,
      ratio: taken.subject.median / taken.floor.median,
      budget: 1.5,
      broken: [],
      details: taken,
    }
  },
}
