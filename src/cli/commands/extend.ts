import { extendManual } from '../../app/extend.ts'
import type { ManualReservation, Millis, UnitId } from '../../domain/pool/model.ts'
import { gpuNumber, unitsOf } from '../../domain/pool/units.ts'
import { formatDuration, parseDuration } from '../../domain/text/duration.ts'
import { parseGpuIds } from '../../domain/text/gpu-ids.ts'
import { timestamp } from '../../views/documents/status-document.ts'
import type { CommandSpec } from '../command.ts'
import { option } from '../options/option.ts'

interface ExtendOptions {
  readonly gpuIds?: readonly UnitId[]
}

interface Extended {
  readonly reservations: readonly ManualReservation[]
  readonly now: Millis
}

export const extend: CommandSpec<ExtendOptions, Extended> = {
  examples: ['canhazgpu extend 2h', 'canhazgpu extend --gpu-ids 1,3 30m'],
  arguments: { usage: 'DURATION', count: 1 },
  options: () => [
    option('-G, --gpu-ids <ids>', 'Only the reservations of these GPUs', { read: parseGpuIds }),
  ],
  handle: async ({ gpuIds }, world) => {
    const by = parseDuration(world.operands[0] ?? '')
    const reservations = await extendManual(await world.deps(), {
      account: await world.account(),
      by,
      ...(gpuIds === undefined ? {} : { gpuIds }),
    })
    return { reservations, now: world.now() }
  },
  text: ({ reservations, now }) => ({
    stdout: reservations
      .map((held) => {
        const units = unitsOf(held)
        const left = formatDuration(held.term.expiresAt - now)
        return `Extended ${units.length} GPU(s): [${units.join(', ')}], expires in ${left}\n`
      })
      .join(''),
  }),
  json: ({ reservations }) =>
    reservations.map((held) => ({
      reservation: held.id,
      gpus: unitsOf(held).map(gpuNumber),
      expiry_time: timestamp(held.term.expiresAt),
    })),
}
