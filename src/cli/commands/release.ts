import type { UnitId } from '../../domain/pool/model.ts'
import { gpuNumber } from '../../domain/pool/units.ts'
import type { ReleasedDocument } from '../../views/schemas/grant.ts'
import { unlessRefused } from '../../views/words/refusals.ts'
import { command } from '../command.ts'
import { gpuIds } from '../options/kinds.ts'
import { option } from '../options/option.ts'

interface Released {
  readonly units: readonly UnitId[]
  readonly asked: readonly UnitId[] | undefined
}

export const release = command({
  examples: ['canhazgpu release', 'canhazgpu release --gpu-ids 1,3'],
  options: [
    option('-G, --gpu-ids <ids>', 'Only these GPUs, also those of your runs', {
      kind: gpuIds,
      onlyTyped: true,
    }),
  ],
  handle: async ({ gpuIds }, context): Promise<Released> => {
    const units = gpuIds === undefined ? {} : { units: gpuIds }
    const answer = await (await context.pool()).perform({ op: 'release', ...units })
    return { units: unlessRefused(answer), asked: gpuIds }
  },
  text: ({ units, asked }) => ({ stdout: `${releasedWords(units, asked)}\n` }),
  json: ({ units }): ReleasedDocument => ({ released: units.map(gpuNumber) }),
})

function releasedWords(units: readonly UnitId[], asked: readonly UnitId[] | undefined): string {
  if (units.length > 0) return `Released ${units.length} GPU(s): [${units.join(', ')}]`
  return asked === undefined
    ? 'No manually reserved GPUs found for current user'
    : `No reservation of yours on GPU ${asked.join(', ')}`
}
