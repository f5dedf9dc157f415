import { deviceVariables } from '../../domain/observation/device-variables.ts'
import type { Grant, RequestedRun } from '../../domain/operation/intent.ts'
import type { Millis, TimeLimit } from '../../domain/pool/model.ts'
import { unitsOf } from '../../domain/pool/units.ts'
import { formatDuration } from '../../domain/text/duration.ts'
import { dropperIn } from '../../domain/text/lost-variables.ts'
import { printableJson } from '../../domain/text/text.ts'
import { grantDocument } from '../../views/documents/grant-document.ts'
import { clockTime } from '../../views/words/clock-time.ts'
import { lostVariablesWords } from '../../views/words/lost-variables.ts'
import { withShellHint } from '../../views/words/shell-line.ts'
import { acquireFor, acquiringOptions, intentOf } from '../acquiring.ts'
import { command } from '../command.ts'
import type { Given } from '../command-spec.ts'
import type { Context } from '../context.ts'
import { anyHostOption, unlessElsewhere } from '../elsewhere.ts'
import { duration } from '../options/kinds.ts'
import { option } from '../options/option.ts'

const DEFAULT_GRACE: Millis = 30_000
/** A command may be a whole script. Every change of the pool reads and writes the stored command, so it is cut. */
const LONGEST_COMMAND = 4_096

const options = [
  ...acquiringOptions,
  option('-t, --timeout <time>', 'Interrupt the command after this time, such as 2h', { kind: duration }),
  option('--grace <time>', 'Time between SIGINT and SIGKILL (default: 30s)', {
    kind: duration,
    needs: ['--timeout', '--until-booked'],
  }),
  option('--until-booked', 'End the command before a booking needs its GPUs'),
  anyHostOption,
  option('--workdir <folder>', 'Working folder on that host (default: the same as here)', {
    needs: ['--host'],
    onlyTyped: true,
  }),
]

type RunOptions = Given<typeof options>

export const run = command({
  examples: [
    'canhazgpu run --gpus 1 -- python train.py',
    'canhazgpu run --gpus 2 -- python -m torch.distributed.launch train.py',
    'canhazgpu run --wait --timeout 2h -- python train.py',
  ],
  takesCommand: true,
  options,
  handle: async (given, context): Promise<never> => {
    const orElsewhere = await unlessElsewhere('run', given, { context, options })
    const launcher = await context.launch().catch((error) => {
      throw withShellHint(error, context.commandLine ?? [])
    })
    warnOfLostVariables(context)
    const term = {
      kind: 'run',
      process: context.process(),
      command: (context.commandLine ?? []).join(' ').slice(0, LONGEST_COMMAND),
      ...timeoutOf(given),
    } as const
    const intent = await intentOf(given, context, term)
    const grant = await acquireFor(given, intent, context).catch(orElsewhere)
    const { reservation, devices, provider } = grant
    try {
      const units = unitsOf(reservation)
      const limit = limitOf(grant)
      launcher.startSupervisor({ reservation: reservation.id, process: term.process, units, ...limit })
      context.stderr.write(
        given.json === true
          ? `${printableJson(grantDocument(grant))}\n`
          : `Reserved ${units.length} GPU(s): [${units.join(', ')}] for command execution\n${limitWords(given, grant, context.now())}`,
      )
      return await launcher.become(deviceVariables(provider, devices, reservation.id))
    } catch (error) {
      await (await context.pool()).perform({ op: 'end', id: reservation.id, outcome: 'released' })
      throw error
    }
  },
  text: () => ({}),
  json: () => null,
})

/** Warns before the wait, so that the user can change the command. A successor does not repeat the warning. */
function warnOfLostVariables({ commandLine, place, warn }: Context): void {
  const dropper = dropperIn(commandLine ?? [])
  if (dropper !== undefined && place === null) {
    warn({ code: 'variables-dropped', message: lostVariablesWords(dropper) })
  }
}

/** The time limit of the grant, in steady time. */
function limitOf({ reservation: { term, startedAt }, grantedAt }: Grant): { limit?: TimeLimit } {
  const limit = term.kind === 'run' ? term.limit : undefined
  if (limit === undefined) return {}
  const toSteady = (at: Millis): Millis => grantedAt + (at - startedAt)
  return { limit: { interruptAt: toSteady(limit.interruptAt), killAt: toSteady(limit.killAt) } }
}

/** The line that states the time limit; empty without one. */
function limitWords(
  { timeout, untilBooked }: RunOptions,
  { reservation: { term, startedAt } }: Grant,
  now: Millis,
): string {
  const limit = term.kind === 'run' ? term.limit : undefined
  if (limit === undefined) return ''
  const length = limit.interruptAt - startedAt
  const [after, grace] = [length, limit.killAt - limit.interruptAt].map(formatDuration)
  const ofPool = untilBooked === true ? 'Time limit (--until-booked)' : 'Time limit of this pool'
  const title = timeout === undefined ? ofPool : 'Time limit'
  return `${title}: the command gets SIGINT after ${after} (${clockTime(now + length, now)}), and SIGKILL ${grace} later\n`
}

function timeoutOf(given: RunOptions): Pick<RequestedRun, 'timeout' | 'untilBooked'> {
  const { timeout, untilBooked, grace = DEFAULT_GRACE } = given
  return {
    ...(timeout === undefined ? {} : { timeout: { after: timeout, grace } }),
    ...(untilBooked === true ? { untilBooked: { grace } } : {}),
  }
}
