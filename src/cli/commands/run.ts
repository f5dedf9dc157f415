import { acquireNow } from '../../app/acquire.ts'
import { endNow } from '../../app/release.ts'
import { deviceVariables } from '../../domain/device-variables.ts'
import type { CommandSpec } from '../command.ts'
import { gpuCount } from '../options.ts'

interface RunOptions {
  readonly gpus: number
}

export const run: CommandSpec<RunOptions, never> = {
  name: 'run',
  summary: 'Reserve GPUs and run a command with CUDA_VISIBLE_DEVICES set',
  examples: [
    'canhazgpu run --gpus 1 -- python train.py',
    'canhazgpu run --gpus 2 -- python -m torch.distributed.launch train.py',
  ],
  takesCommand: true,
  configure: (command) =>
    command
      .usage('[OPTIONS] -- COMMAND [ARGS]...')
      .option('-g, --gpus <count>', 'Number of GPUs to reserve (default: 1)', gpuCount, 1),
  handle: async ({ gpus }, world) => {
    const launcher = world.launch()
    const account = world.account()
    const deps = await world.deps()
    const { reservation, devices, provider } = await acquireNow(deps, {
      id: world.newId(),
      request: { kind: 'count', count: gpus },
      user: account.name,
      account,
      hold: { kind: 'run', process: world.process(), command: (world.commandLine ?? []).join(' ') },
    })
    try {
      launcher.startSupervisor(reservation.id)
      world.stderr(
        `Reserved ${reservation.gpus.length} GPU(s): [${reservation.gpus.join(', ')}] for command execution\n`,
      )
      return launcher.become(deviceVariables(provider, devices, reservation.id))
    } catch (error) {
      await endNow(deps, reservation.id)
      throw error
    }
  },
  text: () => ({}),
  json: () => null,
}
