import { fakePool, inMode, type Mode, modeWords } from '../pool.ts'
import { timeCrowd, timeProgram } from '../programs.ts'
import type { Row } from '../row.ts'
import { inTurn, shown } from '../samples.ts'

const CROWD = 500
const GPUS = 8
const TRY_AGAIN_LATER = 75

export const reserveCrowd = (mode: Mode): Row => ({
  name: inMode('reserve-crowd', mode),
  what: `${CROWD} canhazgpu reserve --gpus 1 at once on ${GPUS} simulated GPUs${modeWords(mode)}`,
  async measure(bench) {
    const { canhazgpu, floor, effort } = bench
    using pool = await fakePool(bench, GPUS, mode)
    const { env } = pool
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
      budget: mode === 'daemon' ? 1.8 : 3,
      broken: [...broken],
      details: taken,
    }
  },
})
