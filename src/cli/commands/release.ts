import { releaseById, releaseManual } from '../../app/release.ts'
import type { UnitId } from '../../domain/pool/model.ts'
import { gpuNumber } from '../../domain/pool/units.ts'
import { parseGpuIds } from '../../domain/text/gpu-ids.ts'
import type { CommandSpec } from '../command.ts'
import { option } from '../options/option.ts'

interface ReleaseOptions {
  readonly gpuIds?: readonly UnitId[]
}

interface Released {
  readonly units: readonly UnitId[]
  readonly asked: readonly UnitId[] | undefined
}

export const release: CommandSpec<ReleaseOptions, Released> = {
  examples: ['canhazgpu release', 'canhazgpu release --gpu-ids 1,3'],
  options: () => [
    option('-G, --gpu-ids <ids>', 'Only these GPUs, also those of your runs', { read: parseGpuIds }),
  ],
  handle: async ({ gpuIds }, world) => {
    const deps = await world.deps()
    const account = await world.account()
    const units =
      gpuIds === undefined ? await releaseManual(deps, account) : await releaseById(deps, account, gpuIds)
    return { units, asked: gpuIds }
  },
  text: ({ units, asked }) => ({ stdout: `${releasedWords(units, asked)}\n` }),
  json: ({ units }) => ({ released: units.map(gpuNumber) }),
}

function releasedWords(units: readonly UnitId[], asked: readonly UnitId[] | undefined): string {
  if (units.length > 0) return `Released ${units.length} GPU(s): [${units.join(', ')}]`
  return asked === undefined
    ? 'No manually reserved GPUs found for current user'
    : `No reservation of yours on GPU ${asked.join(', ')}`
}
