import { acquireNow } from '../app/acquire-now.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import type { Grant, Intent } from '../domain/operation/intent.ts'
import type { Millis, Request } from '../domain/pool/model.ts'
import { daemonAway } from '../views/words/daemon-away.ts'
import { unlessRefused } from '../views/words/refusals.ts'
import type { Given } from './command-spec.ts'
import type { Context } from './context.ts'
import { duration, gpuCount, gpuIds, gpuTypes, memory, shownText } from './options/kinds.ts'
import { option, overriddenByAnyOf } from './options/option.ts'

/** Options of both `run` and `reserve`: which GPUs, for whom, and how long to wait. */
export const acquiringOptions = [
  option('-g, --gpus <count>', 'Number of GPUs to reserve (default: 1)', {
    kind: gpuCount,
    isOverridden: overriddenByAnyOf('gpuIds'),
  }),
  option('-G, --gpu-ids <ids>', 'Exactly these GPUs, such as 1,3 or 0-3', { kind: gpuIds, onlyTyped: true }),
  option('--gpu-type <types>', 'Only GPUs of one of these types, such as h100 or h100,a100', {
    kind: gpuTypes,
    isOverridden: overriddenByAnyOf('gpuIds'),
  }),
  option('--min-memory <size>', 'Only GPUs with at least this much memory, such as 40G', {
    kind: memory,
    isOverridden: overriddenByAnyOf('gpuIds'),
  }),
  option('--nonblock', 'Do not wait, even if the configuration enables it', {
    isOverridden: overriddenByAnyOf('wait'),
  }),
  option('-w, --wait [duration]', 'Wait in the queue until the GPUs are free, at most this long', {
    kind: duration,
    isOverridden: overriddenByAnyOf('nonblock', 'claim', 'at'),
  }),
  option('-n, --note <text>', 'Purpose, shown to all users', { kind: shownText }),
  option('-u, --user <name>', 'Name to show instead of the account (shared accounts)', { kind: shownText }),
] as const

export type AcquiringOptions = Given<typeof acquiringOptions>

/** The request of `--gpus` with its requirements, of `--gpu-ids`, or of both if they name the same number. */
export function requestOf({ gpus, gpuIds, gpuType, minMemory }: AcquiringOptions): Request {
  if (gpuIds === undefined) {
    return {
      ...{ kind: 'count', count: gpus ?? 1 },
      ...(gpuType === undefined ? {} : { gpuTypes: gpuType }),
      ...(minMemory === undefined ? {} : { leastMemoryMb: minMemory }),
    }
  }
  if (gpuType !== undefined || minMemory !== undefined) {
    const flag = gpuType === undefined ? '--min-memory' : '--gpu-type'
    throw new CanhazgpuError('usage', `--gpu-ids and ${flag} contradict each other: the ids choose the GPUs`)
  }
  if (gpus !== undefined && gpus !== gpuIds.length) {
    throw new CanhazgpuError(
      'usage',
      `--gpus ${gpus} and --gpu-ids ${gpuIds.join(',')} disagree: ${gpuIds.length} ids are named`,
      { hint: 'leave out --gpus' },
    )
  }
  return { kind: 'ids', ids: gpuIds }
}

/** Builds the intent from the options and this account. */
export async function intentOf<Term>(
  options: AcquiringOptions,
  context: Context,
  term: Term,
): Promise<Omit<Intent, 'term'> & { readonly term: Term }> {
  const account = await context.requester()
  return {
    id: context.newId(),
    request: requestOf(options),
    owner: { account, shownName: options.user ?? account.name },
    term,
    ...(options.note === undefined ? {} : { note: options.note }),
  }
}

/**
 * Acquires the GPUs at once. With `--wait`, joins the queue and acquires them later. If a caller on another host no
 * longer waits for them, they are returned.
 */
export async function acquireFor(
  options: AcquiringOptions,
  intent: Intent,
  context: Context,
): Promise<Grant> {
  if (context.caller?.wantsForecast === true) return context.answerForecast(intent)
  const grant = await acquired(options, intent, context)
  const { caller } = context
  if (caller === null) return grant
  const { agreedGrant } = await import('../app/fleet/agreed-grant.ts')
  return agreedGrant(grant, caller.agrees, context.pool)
}

async function acquired(options: AcquiringOptions, intent: Intent, context: Context): Promise<Grant> {
  const wait = waitOf(options)
  if (wait === undefined) return unlessRefused(await acquireNow(await context.pool(), intent))
  const { ProgressLine } = await import('../views/words/progress-line.ts')
  const line = new ProgressLine(intent.request, {
    stderr: context.stderr,
    json: options.json === true,
    wasShown: context.place !== null,
  })
  try {
    const answer = await context.waitInQueue(intent, {
      ...(wait === true ? {} : { until: waitEnd(wait, context) }),
      onProgress: (progress) => line.show(progress),
      onAway: (ms) => {
        line.interrupt()
        context.warn(daemonAway(context.now() - ms))
      },
      beforeSuccessor: () => line.close(),
    })
    return unlessRefused(answer)
  } finally {
    line.close()
  }
}

function waitOf({ wait, nonblock }: AcquiringOptions): Millis | true | undefined {
  if (nonblock !== true) return wait
  if (wait === undefined) return undefined
  throw new CanhazgpuError('usage', '--wait and --nonblock contradict each other')
}

/** The time limit of the wait, in steady time. A successor keeps the limit of the waiter that it replaces. */
const waitEnd = (wait: Millis, { place, steadyClock }: Context): Millis =>
  place?.giveUpAt ?? steadyClock() + wait
