import type { UnitId } from '../../domain/pool/model.ts'
import { gpuNumber } from '../../domain/pool/units.ts'
import type { RestoredDocument } from '../../views/schemas/drain.ts'
import { restoreAnswer } from '../../views/words/drain-answers.ts'
import { unlessRefused } from '../../views/words/refusals.ts'
import { command } from '../command.ts'
import { gpuIds } from '../options/kinds.ts'

export interface Restored {
  readonly changed: readonly UnitId[]
  /** GPUs that were not drained. */
  readonly unchanged: readonly UnitId[]
}

export const restore = command({
  examples: ['sudo canhazgpu restore 3'],
  operand: { name: 'units', placeholder: 'GPU_IDS', kind: gpuIds },
  options: [],
  handle: async ({ units }, context): Promise<Restored> => {
    const changed = unlessRefused(await (await context.administration()).restore({ units }))
    return { changed, unchanged: units.filter((id) => !changed.includes(id)) }
  },
  text: restoreAnswer,
  json: ({ changed, unchanged }): RestoredDocument => ({
    restored: changed.map(gpuNumber),
    ...(unchanged.length === 0 ? {} : { unchanged: unchanged.map(gpuNumber) }),
  }),
})
