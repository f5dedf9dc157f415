import { acquireNow } from '../app/acquire-now.ts'
import { waitedForLock } from '../app/waiting/wait-errors.ts'
import { acquireInQueue } from '../app/waiting/wait-in-queue.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import type { Grant, Intent } from '../domain/operation/intent.ts'
import type { Millis, ProcessIdentity, Request } from '../domain/pool/model.ts'
import type { PoolService } from '../ports/pool-service.ts'
import { ProgressLine } from '../views/words/progress-line.ts'
import { unlessRefused } from '../views/words/refusals.ts'
import type { Given } from './command-spec.ts'
import type { Context } from './context.ts'
import { duration, gpuCount, gpuIds, shownText } from './options/kinds.ts'
import { option, overriddenByAnyOf } from './options/option.ts'

/** Options of both `run` and `reserve`: which GPUs, for whom, and how long to wait. */
export const acquiringOptions = [
  option('-g, --gpus <count>', 'Number of GPUs to reserve (default: 1)', {
    kind: gpuCount,
    isOverridden: overriddenByAnyOf('gpuIds'),
  }),
  option('-G, --gpu-ids <ids>', 'Exactly these GPUs, such as 1,3 or 0-3', { kind: gpuIds, onlyTyped: true }),
  option('--nonblock', 'Do not wait, even if the configuration enables it', {
    isOverridden: overriddenByAnyOf('wait'),
  }),
  option('-w, --wait [duration]', 'Wait in the queue until the GPUs are free, at most this long', {
    kind: duration,
    isOverridden: overriddenByAnyOf('nonblock', 'claim'),
  }),
  option('-n, --note <text>', 'Purpose, shown to all users', { kind: shownText }),
  option('-u, --user <name>', 'Name to show instead of the account (shared accounts)', { kind: shownText }),
] as const

type AcquiringOptions = Given<typeof acquiringOptions>

/** The request of `--gpus`, of `--gpu-ids`, or of both if they name the same number. */
export function requestOf({ gpus, gpuIds }: AcquiringOptions): Request {
  if (gpuIds === undefined) return { kind: 'count', count: gpus ?? 1 }
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
export async function intentOf(
  options: AcquiringOptions,
  context: Context,
  term: Intent['term'],
): Promise<Intent> {
  const account = await context.account()
  return {
    id: context.newId(),
    request: requestOf(options),
    owner: { account, shownName: options.user ?? account.name },
    term,
    ...(options.note === undefined ? {} : { note: options.note }),
  }
}

/** Acquires the GPUs at once. With `--wait`, joins the queue and acquires them later. */
export async function acquireFor(
  options: AcquiringOptions,
  intent: Intent,
  context: Context,
): Promise<Grant> {
  const wait = waitOf(options)
  const waitUntil = typeof wait === 'number' ? waitEnd(wait, context) : Number.POSITIVE_INFINITY
  const left = () => waitUntil - context.steadyClock()
  const pool = await context.pool({ left, error: waitedForLock })
  if (wait === undefined) return unlessRefused(await acquireNow(pool, intent))
  const ownEntry = await ownEntryId(pool, context)
  const joined = { ...intent, id: ownEntry ?? intent.id }
  const line = new ProgressLine(intent.request, {
    stderr: context.stderr,
    json: options.json === true,
    wasShown: ownEntry !== undefined,
  })
  const waker = await context.openWaker(joined)
  try {
    const answer = await acquireInQueue(pool, joined, {
      ticket: {
        process: context.process(),
        ...(wait === true ? {} : { waitFor: left() }),
      },
      processes: context.processes,
      waker,
      clock: context.steadyClock,
      onProgress: (progress) => line.show(progress),
      becomeSuccessor: (place) => {
        line.close()
        return context.becomeSuccessor(place)
      },
    })
    return unlessRefused(answer)
  } finally {
    line.close()
    waker.close()
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

/** The id of the queue entry that this process created while it ran an earlier version of this program. */
async function ownEntryId(service: PoolService, { place, process }: Context): Promise<string | undefined> {
  if (place === null) return undefined
  const { pid, startTime, pidNamespace } = process()
  const { pool } = await service.view('stored')
  // Any user can pass the id of an entry, so the entry must also name this process.
  const isOwn = (each: ProcessIdentity) =>
    each.pid === pid && each.startTime === startTime && each.pidNamespace === pidNamespace
  return pool.queue.find((each) => each.id === place.entry && isOwn(each.process))?.id
}
