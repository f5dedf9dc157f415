import { endNow } from '../../app/release.ts'
import { deviceVariables } from '../../domain/observation/device-variables.ts'
import type { RequestedRun } from '../../domain/operation/acquisition.ts'
import type { Millis, TimeLimit } from '../../domain/pool/model.ts'
import { unitsOf } from '../../domain/pool/units.ts'
import { parseDuration } from '../../domain/text/duration.ts'
import { lostVariables } from '../../domain/text/lost-variables.ts'
import { printableJson } from '../../domain/text/text.ts'
import { grantDocument } from '../../views/documents/grant-document.ts'
import { type AcquiringOptions, acquireFor, acquiringOptions, intentOf } from '../acquiring.ts'
import type { CommandSpec } from '../command.ts'
import { option } from '../options/option.ts'
import type { World } from '../world.ts'

interface RunOptions extends AcquiringOptions {
  readonly timeout?: Millis
  readonly grace?: Millis
}

const DEFAULT_GRACE: Millis = 30_000
/** Some are whole scripts; everyone would read and write them with every change of the pool. */
const LONGEST_COMMAND = 4_096

export const run: CommandSpec<RunOptions, never> = {
  examples: [
    'canhazgpu run --gpus 1 -- python train.py',
    'canhazgpu run --gpus 2 -- python -m torch.distributed.launch train.py',
    'canhazgpu run --wait --timeout 2h -- python train.py',
  ],
  takesCommand: true,
  options: () => [
    ...acquiringOptions(),
    option('-t, --timeout <time>', 'Interrupt the command after this time, such as 2h', {
      read: parseDuration,
    }),
    option('--grace <time>', 'Time between SIGINT and SIGKILL (default: 30s)', {
      read: parseDuration,
      needs: 'timeout',
    }),
  ],
  handle: async (options, world) => {
    const launcher = await world.launch()
    warnOfLostVariables(world)
    const term = {
      kind: 'run',
      process: world.process(),
      command: (world.commandLine ?? []).join(' ').slice(0, LONGEST_COMMAND),
      ...timeoutOf(options),
    } as const
    const grant = await acquireFor(options, await intentOf(options, world, term), world)
    const { reservation, devices, provider, grantedAt } = grant
    try {
      const units = unitsOf(reservation)
      const limit = limitOf(options, grantedAt)
      launcher.startSupervisor({ reservation: reservation.id, process: term.process, units, ...limit })
      world.stderr.write(
        options.json === true
          ? `${printableJson(grantDocument(grant))}\n`
          : `Reserved ${units.length} GPU(s): [${units.join(', ')}] for command execution\n`,
      )
      return launcher.become(deviceVariables(provider, devices, reservation.id))
    } catch (error) {
      await endNow(await world.deps(), reservation.id)
      throw error
    }
  },
  text: () => ({}),
  json: () => null,
}

/** Before the wait, while the command can still be changed; not again by the successor of a waiter. */
function warnOfLostVariables({ commandLine, place, warn }: World): void {
  const warning = lostVariables(commandLine ?? [])
  if (warning !== undefined && place === null) warn(warning)
}

function limitOf(options: RunOptions, start: Millis): { limit?: TimeLimit } {
  const { timeout } = timeoutOf(options)
  if (timeout === undefined) return {}
  const interruptAt = start + timeout.after
  return { limit: { interruptAt, killAt: interruptAt + timeout.grace } }
}

function timeoutOf({ timeout, grace }: RunOptions): Pick<RequestedRun, 'timeout'> {
  return timeout === undefined ? {} : { timeout: { after: timeout, grace: grace ?? DEFAULT_GRACE } }
}
