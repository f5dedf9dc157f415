import type { UnitId } from '../../domain/pool/model.ts'
import { gpuNumber } from '../../domain/pool/units.ts'
import type { ReleasedDocument } from '../../views/schemas/grant.ts'
import { gpuWords } from '../../views/words/holders.ts'
import { unlessRefused } from '../../views/words/refusals.ts'
import { command } from '../command.ts'
import { gpuIds } from '../options/kinds.ts'
import { option } from '../options/option.ts'

interface Released {
  readonly units: readonly UnitId[]
  readonly asked: readonly UnitId[] | undefined
  /** Requested GPUs without a reservation; a GPU that another account holds is refused instead. */
  readonly unreserved: readonly UnitId[]
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
    const released = unlessRefused(answer)
    const unreserved = gpuIds?.filter((id) => !released.includes(id)) ?? []
    return { units: released, asked: gpuIds, unreserved }
  },
  text: ({ units, asked, unreserved }) => ({
    stdout: `${releasedWords(units, asked)}\n`,
    ...(units.length === 0 || unreserved.length === 0 ? {} : { stderr: `${unreservedWords(unreserved)}\n` }),
  }),
  json: ({ units, unreserved }): ReleasedDocument => ({
    released: units.map(gpuNumber),
    ...(unreserved.length === 0 ? {} : { not_released: unreserved.map(gpuNumber) }),
  }),
})

function releasedWords(units: readonly UnitId[], asked: readonly UnitId[] | undefined): string {
  if (units.length > 0) return `Released ${units.length} GPU(s): [${units.join(', ')}]`
  return asked === undefined
    ? 'No manually reserved GPUs found for current user'
    : `No reservation of yours on ${gpuWords(asked)}`
}

const unreservedWords = (units: readonly UnitId[]): string =>
  units.length === 1
    ? `${gpuWords(units)} was not released: it has no reservation`
    : `${gpuWords(units)} were not released: they have no reservation`
