import { extendManual } from '../../app/extend.ts'
import type { GpuId, ManualReservation, Millis } from '../../domain/pool/model.ts'
import { formatDuration, parseDuration } from '../../domain/text/duration.ts'
import { parseGpuIds } from '../../domain/text/gpu-ids.ts'
import { timestamp } from '../../views/documents/status-document.ts'
import type { CommandSpec } from '../command.ts'
import { option } from '../options/option.ts'

interface ExtendOptions {
  readonly gpuIds?: readonly GpuId[]
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
      .map(({ gpus, expiresAt }) => {
        const left = formatDuration(expiresAt - now)
        return `Extended ${gpus.length} GPU(s): [${gpus.join(', ')}], expires in ${left}\n`
      })
      .join(''),
  }),
  json: ({ reservations }) =>
    reservations.map(({ id, gpus, expiresAt }) => ({
      reservation: id,
      gpus,
      expiry_time: timestamp(expiresAt),
    })),
}
