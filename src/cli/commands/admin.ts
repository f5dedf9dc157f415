import { type PoolCreated, setUpPool } from '../../app/set-up.ts'
import { CanhazgpuError } from '../../domain/errors.ts'
import { ALLOCATIONS, type PoolSettings, PROVIDERS, type ProviderName } from '../../domain/model.ts'
import type { CommandSpec } from '../command.ts'
import { option } from '../option.ts'
import { gpuCount } from '../options.ts'

interface AdminOptions {
  readonly gpus: number
  readonly force?: boolean
  readonly provider?: ProviderName
  readonly group?: string
  readonly allocation: PoolSettings['allocation']
}

export const admin: CommandSpec<AdminOptions, PoolCreated> = {
  examples: ['sudo canhazgpu admin --gpus 8', 'sudo canhazgpu admin --gpus 4 --force'],
  options: () => [
    option('-g, --gpus <count>', 'Number of GPUs available on this machine (required)', {
      read: gpuCount,
      mandatory: true,
    }),
    option('--force', 'Force reinitialization even if already initialized; clears all reservations'),
    option('--provider <name>', `How to ask the GPUs: ${PROVIDERS.join(', ')} (default: what is found)`, {
      read: provider,
    }),
    option('--group <name>', 'Unix group that may use the pool (default: every user)'),
    option('--allocation <policy>', `Which free GPUs first: ${ALLOCATIONS.join(', ')} (default: lru)`, {
      read: allocation,
      default: 'lru',
    }),
  ],
  handle: async (options, world) =>
    setUpPool(world.poolPlace(options.group), {
      host: world.hostname(),
      gpuCount: options.gpus,
      force: options.force ?? false,
      settings: { allocation: options.allocation },
      detect: () => world.detectGpus(options.provider, options.gpus),
    }),
  text: ({ kind, gpuCount: count }) => {
    const verb = kind === 'initialized' ? 'Initialized' : 'Reinitialized'
    return { stdout: `${verb} ${count} GPUs (IDs 0 to ${count - 1})\n` }
  },
  json: ({ kind, gpuCount: count }) => ({ result: kind, gpus: count }),
}

const provider = oneOf('--provider', PROVIDERS)
const allocation = oneOf('--allocation', ALLOCATIONS)

function oneOf<Choice extends string>(flag: string, choices: readonly Choice[]): (text: string) => Choice {
  return (text) => {
    const choice = choices.find((each) => each === text)
    if (choice !== undefined) return choice
    throw new CanhazgpuError(
      'usage',
      `Invalid value for ${flag}: '${text}' - expected one of ${choices.join(', ')}`,
    )
  }
}
