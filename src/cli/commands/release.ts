import { releaseManual } from '../../app/release.ts'
import type { GpuId } from '../../domain/model.ts'
import type { CommandSpec } from '../command.ts'

export const release: CommandSpec<Record<never, never>, readonly GpuId[]> = {
  name: 'release',
  summary: 'Release all manually reserved GPUs held by the current user',
  examples: ['canhazgpu release'],
  configure: (command) => command,
  handle: async (_options, world) => releaseManual(await world.deps(), world.account()),
  text: (gpus) => ({
    stdout:
      gpus.length === 0
        ? 'No manually reserved GPUs found for current user\n'
        : `Released ${gpus.length} GPU(s): [${gpus.join(', ')}]\n`,
  }),
  json: (gpus) => ({ released: gpus }),
}
