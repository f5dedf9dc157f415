import { CanhazgpuError } from '../../domain/errors.ts'
import type { Booking, UnitId } from '../../domain/pool/model.ts'
import { gpuNumber } from '../../domain/pool/units.ts'
import { bookingDocument } from '../../views/documents/booking-document.ts'
import type { ReleasedDocument } from '../../views/schemas/grant.ts'
import { cancelledWords } from '../../views/words/booking-answers.ts'
import { gpuWords } from '../../views/words/holders.ts'
import type { Printed } from '../../views/words/printed.ts'
import { unlessRefused } from '../../views/words/refusals.ts'
import { command } from '../command.ts'
import type { Context } from '../context.ts'
import { hostOption, unlessElsewhere } from '../elsewhere.ts'
import { gpuIds, reservationId } from '../options/kinds.ts'
import { option } from '../options/option.ts'

type Result =
  | Released
  | { readonly kind: 'cancelled'; readonly booking: Booking }
  | { readonly kind: 'ended'; readonly id: string }

interface Released {
  readonly kind: 'released'
  readonly units: readonly UnitId[]
  readonly asked: readonly UnitId[] | undefined
  /** Requested GPUs without a reservation; a GPU that another account holds is refused instead. */
  readonly unreserved: readonly UnitId[]
}

const options = [
  option('-G, --gpu-ids <ids>', 'Only these GPUs, also those of your runs', {
    kind: gpuIds,
    onlyTyped: true,
  }),
  hostOption,
]

export const release = command({
  examples: ['canhazgpu release', 'canhazgpu release --gpu-ids 1,3', 'canhazgpu release 3f2a8c1e90ab'],
  operand: { name: 'ids', placeholder: '[ID]', kind: reservationId, atMost: 1 },
  options,
  handle: async ({ ids: [id], gpuIds, host }, context): Promise<Result> => {
    await unlessElsewhere('release', { host }, { context, options })
    if (id !== undefined) {
      if (gpuIds === undefined) return releaseById(id, context)
      throw new CanhazgpuError('usage', 'An id and --gpu-ids contradict each other')
    }
    const units = gpuIds === undefined ? {} : { units: gpuIds }
    const released = unlessRefused(await (await context.pool()).perform({ op: 'release', ...units }))
    const unreserved = gpuIds?.filter((id) => !released.includes(id)) ?? []
    return { kind: 'released', units: released, asked: gpuIds, unreserved }
  },
  text: (result) => {
    switch (result.kind) {
      case 'cancelled':
        return { stdout: cancelledWords(result.booking) }
      case 'ended':
        return { stdout: `${result.id} has been cancelled or released\n` }
      case 'released':
        return releasedText(result)
    }
  },
  json: (result): ReleasedDocument => {
    switch (result.kind) {
      case 'cancelled':
        return { released: [], cancelled: bookingDocument(result.booking) }
      case 'ended':
        return { released: [], ended: result.id }
      case 'released':
        return {
          released: result.units.map(gpuNumber),
          ...(result.unreserved.length === 0 ? {} : { not_released: result.unreserved.map(gpuNumber) }),
        }
    }
  },
})

/** Cancels a booking, or ends a reservation, by its id. */
async function releaseById(id: string, { pool }: Context): Promise<Result> {
  const answer = unlessRefused(await (await pool()).perform({ op: 'cancel', id }))
  switch (answer.kind) {
    case 'cancelled':
      return answer
    case 'ended':
      return { kind: 'ended', id }
    case 'released':
      return { ...answer, asked: undefined, unreserved: [] }
  }
}

const releasedText = ({ units, asked, unreserved }: Released): Printed => ({
  stdout: `${releasedWords(units, asked)}\n`,
  ...(units.length === 0 || unreserved.length === 0 ? {} : { stderr: `${unreservedWords(unreserved)}\n` }),
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
