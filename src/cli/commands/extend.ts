import type { ExtendedReservation } from '../../domain/operation/operation.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { gpuNumber, unitsOf } from '../../domain/pool/units.ts'
import { knownEnd } from '../../domain/schedule/term-times.ts'
import { formatDuration } from '../../domain/text/duration.ts'
import { timestamp } from '../../views/documents/status-document.ts'
import type { ExtendedDocument } from '../../views/schemas/grant.ts'
import { unlessRefused } from '../../views/words/refusals.ts'
import { command } from '../command.ts'
import { duration, gpuIds } from '../options/kinds.ts'
import { option } from '../options/option.ts'

interface Extended {
  readonly reservations: readonly ExtendedReservation[]
  readonly now: Millis
}

export const extend = command({
  examples: ['canhazgpu extend 2h', 'canhazgpu extend --gpu-ids 1,3 30m'],
  operand: { name: 'by', placeholder: 'DURATION', kind: duration },
  options: [
    option('-G, --gpu-ids <ids>', 'Only the reservations of these GPUs', { kind: gpuIds, onlyTyped: true }),
  ],
  handle: async ({ by, gpuIds }, context): Promise<Extended> => {
    const units = gpuIds === undefined ? {} : { units: gpuIds }
    const answer = await (await context.pool()).perform({ op: 'extend', by, ...units })
    return { reservations: unlessRefused(answer), now: context.now() }
  },
  text: ({ reservations, now }) => ({
    stdout: reservations
      .map((held) => {
        const units = unitsOf(held)
        const left = formatDuration(knownEnd(held) - now)
        return `Extended ${units.length} GPU(s): [${units.join(', ')}], expires in ${left}\n`
      })
      .join(''),
  }),
  json: ({ reservations }): ExtendedDocument =>
    reservations.map((held) => ({
      reservation: held.id,
      gpus: unitsOf(held).map(gpuNumber),
      expiry_time: timestamp(knownEnd(held)),
    })),
})
