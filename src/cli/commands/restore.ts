import type { UnitId } from '../../domain/pool/model.ts'
import { gpuNumber } from '../../domain/pool/units.ts'
import type { RestoredDocument } from '../../views/schemas/drain.ts'
import { restoreAnswer } from '../../views/words/drain-answers.ts'
import { unlessRefused } from '../../views/words/refusals.ts'
import { command } from '../command.ts'
import { gpuIds, shownText } from '../options/kinds.ts'
import { option } from '../options/option.ts'

export interface Restored {
  readonly changed: readonly UnitId[]
  /** GPUs that were not drained. */
  readonly unchanged: readonly UnitId[]
}

export const restore = command({
  examples: ['sudo canhazgpu restore 3'],
  operand: { name: 'units', placeholder: 'GPU_IDS', kind: gpuIds },
  options: [
    option('-r, --reason <text>', "Why they are in service again, shown by 'policy --history'", {
      kind: shownText,
      onlyTyped: true,
    }),
  ],
  handle: async ({ units, reason }, context): Promise<Restored> => {
    const wanted = { units, ...(reason === undefined ? {} : { reason }) }
    const changed = unlessRefused(await (await context.administration()).restore(wanted))
    return { changed, unchanged: units.filter((id) => !changed.includes(id)) }
  },
  text: restoreAnswer,
  json: ({ changed, unchanged }): RestoredDocument => ({
    restored: changed.map(gpuNumber),
    ...(unchanged.length === 0 ? {} : { unchanged: unchanged.map(gpuNumber) }),
  }),
})
