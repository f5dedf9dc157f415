import { releaseById, releaseManual } from '../../app/release.ts'
import type { GpuId } from '../../domain/pool/model.ts'
import { parseGpuIds } from '../../domain/text/gpu-ids.ts'
import type { CommandSpec } from '../command.ts'
import { option } from '../options/option.ts'

interface ReleaseOptions {
  readonly gpuIds?: readonly GpuId[]
}

interface Released {
  readonly gpus: readonly GpuId[]
  readonly asked: readonly GpuId[] | undefined
}

export const release: CommandSpec<ReleaseOptions, Released> = {
  examples: ['canhazgpu release', 'canhazgpu release --gpu-ids 1,3'],
  options: () => [
    option('-G, --gpu-ids <ids>', 'Only these GPUs, also those of your runs', { read: parseGpuIds }),
  ],
  handle: async ({ gpuIds }, world) => {
    const deps = await world.deps()
    const account = await world.account()
    const gpus =
      gpuIds === undefined ? await releaseManual(deps, account) : await releaseById(deps, account, gpuIds)
    return { gpus, asked: gpuIds }
  },
  text: ({ gpus, asked }) => ({ stdout: `${releasedWords(gpus, asked)}\n` }),
  json: ({ gpus }) => ({ released: gpus }),
}

function releasedWords(gpus: readonly GpuId[], asked: readonly GpuId[] | undefined): string {
  if (gpus.length > 0) return `Released ${gpus.length} GPU(s): [${gpus.join(', ')}]`
  return asked === undefined
    ? 'No manually reserved GPUs found for current user'
    : `No reservation of yours on GPU ${asked.join(', ')}`
}
