import { acquireNow, type Grant } from '../../app/acquire.ts'
import { formatDuration, parseDuration } from '../../domain/duration.ts'
import type { Millis } from '../../domain/model.ts'
import type { CommandSpec } from '../command.ts'
import { gpuCount } from '../options.ts'

interface ReserveOptions {
  readonly gpus: number
  readonly duration: Millis
}

interface Reserved extends Grant {
  readonly duration: Millis
}

const DEFAULT_DURATION: Millis = 8 * 3_600_000

export const reserve: CommandSpec<ReserveOptions, Reserved> = {
  name: 'reserve',
  summary: 'Reserve GPUs manually for a specified duration',
  examples: [
    'canhazgpu reserve',
    'canhazgpu reserve --gpus 2 --duration 4h',
    'canhazgpu reserve --duration 30m',
  ],
  configure: (command) =>
    command
      .option('-g, --gpus <count>', 'Number of GPUs to reserve (default: 1)', gpuCount, 1)
      .option(
        '-d, --duration <time>',
        'How long to reserve, such as 30m, 2h, 1d, 0.5h, 1h30m (default: 8h)',
        parseDuration,
        DEFAULT_DURATION,
      ),
  handle: async ({ gpus, duration }, world) => {
    const account = world.account()
    const grant = await acquireNow(await world.deps(), {
      id: world.newId(),
      request: { kind: 'count', count: gpus },
      user: account.name,
      account,
      hold: { kind: 'manual', duration },
    })
    return { ...grant, duration }
  },
  text: ({ reservation: { gpus }, devices, duration }, look) => ({
    stdout: `Reserved ${gpus.length} GPU(s): [${gpus.join(', ')}] for ${formatDuration(duration)}\n`,
    ...(look.terminal ? { stderr: `export CUDA_VISIBLE_DEVICES=${devices.join(',')}\n` } : {}),
  }),
  json: ({ reservation, devices }) => ({
    reservation: reservation.id,
    gpus: reservation.gpus,
    cuda_visible_devices: devices.join(','),
  }),
}
