import type { Held } from '../../domain/operation/refusal.ts'
import type { Millis, UnitId } from '../../domain/pool/model.ts'
import { gpuNumber } from '../../domain/pool/units.ts'
import { heldDocument } from '../../views/documents/refusal-document.ts'
import type { DrainedDocument } from '../../views/schemas/drain.ts'
import { drainAnswer } from '../../views/words/drain-answers.ts'
import { unlessRefused } from '../../views/words/refusals.ts'
import { command } from '../command.ts'
import { gpuIds, shownText } from '../options/kinds.ts'
import { option } from '../options/option.ts'

export interface Drained {
  readonly changed: readonly UnitId[]
  /** GPUs that were drained already, for the same reason. */
  readonly unchanged: readonly UnitId[]
  readonly held: readonly Held[]
  readonly now: Millis
}

export const drain = command({
  examples: ['sudo canhazgpu drain 3 --reason "fan"', 'sudo canhazgpu drain 0-3,5'],
  operand: { name: 'units', placeholder: 'GPU_IDS', kind: gpuIds },
  options: [
    option('-r, --reason <text>', 'Why the GPUs are out of service, shown to all users', {
      kind: shownText,
      onlyTyped: true,
    }),
  ],
  handle: async ({ units, reason }, context): Promise<Drained> => {
    const wanted = { units, ...(reason === undefined ? {} : { reason }) }
    const { changed, held } = unlessRefused(await (await context.administration()).drain(wanted))
    const unchanged = units.filter((id) => !changed.includes(id))
    return { changed, unchanged, held, now: context.now() }
  },
  text: drainAnswer,
  json: ({ changed, unchanged, held }): DrainedDocument => ({
    drained: changed.map(gpuNumber),
    ...(unchanged.length === 0 ? {} : { unchanged: unchanged.map(gpuNumber) }),
    held: held.map(heldDocument),
  }),
})
