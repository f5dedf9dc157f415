import { fakePool } from '../pool.ts'
import { timeCrowd, timeProgram } from '../programs.ts'
import type { Row } from '../row.ts'
import { inTurn, shown } from '../samples.ts'

const CROWD = 500
const GPUS = 8
const TRY_AGAIN_LATER = 75

export const reserveCrowd: Row = {
  name: 'reserve-crowd',
  what: `${CROWD} canhazgpu reserve --gpus 1 at once on ${GPUS} simulated GPUs`,
  async measure(bench) {
    const { canhazgpu, floor, effort } = bench
    const env = fakePool(bench, GPUS)
    const broken = new Set<string>()
    const taken = await inTurn(Math.max(1, Math.round(5 * effort)), {
      floor: async () => (await timeCrowd(CROWD, [floor.program], env)).ms,
      subject: async () => {
        timeProgram([canhazgpu, 'release'], env)
        const { ms, statuses } = await timeCrowd(CROWD, [canhazgpu, 'reserve', '--gpus', '1'], env)
        const expected = { 0: GPUS, [TRY_AGAIN_LATER]: CROWD - GPUS }
        if (!Bun.deepEquals(statuses, expected)) broken.add(`outcomes ${JSON.stringify(statuses)}`)
        return ms
      },
    })
    return {
      value: `${shown(taken.subject)}, ${GPUS} granted, ${CROWD - GPUS} refused`,
      comparedWith: `${CROWD} empty programs ${shown(taken.floor)}`,
      ratio: taken.subject.median / taken.floor.median,
      budget: 2,
      broken: [...broken],
      details: taken,
    }
  },
}
