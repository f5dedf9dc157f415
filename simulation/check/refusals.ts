import type { CanhazgpuError } from '../../src/domain/errors.ts'
import type { Intent } from '../../src/domain/operation/intent.ts'
import type { Pool, QueueEntry, Request } from '../../src/domain/pool/model.ts'
import { gpuNumber, unitsOf } from '../../src/domain/pool/units.ts'
import type { Model } from '../system/device.ts'
import type { Process } from '../system/process.ts'
import type { Purpose } from '../system/purpose.ts'
import { defaultHold, isBooked } from './booked-times.ts'
import { heldBy, isOverLimit, mostFor } from './limits.ts'
import { isBlocked } from './order.ts'
import { sizeOf, wants } from './requests.ts'
import { isShownFree } from './shown.ts'
import { canSee, type Report, Violation } from './truth.ts'

interface Finished {
  readonly process: Process
  readonly purpose: Extract<Purpose, { kind: 'acquire' }>
  readonly error: CanhazgpuError | null
}

/** Whether the waiter was stopped before the command started, and the command can see that. */
function isStoppedSince(command: Process, { process: { pid, startTime } }: QueueEntry): boolean {
  const waiter = command.machine.processes.get(pid)
  if (waiter === undefined || waiter.identity.startTime !== startTime || !canSee(command, waiter))
    return false
  return waiter.state === 'stopped' && !waiter.isFrozen && waiter.stoppedSince < command.startedAt
}

const suits = ({ name, memoryMb }: Model, request: Extract<Request, { kind: 'count' }>): boolean =>
  memoryMb >= (request.leastMemoryMb ?? 0) &&
  (request.gpuTypes ?? ['']).some((type) => name.toLowerCase().includes(type))

/** I8: an impossible request is refused as such. I2: free GPUs that no waiter needs are granted. */
export function auditRefusal({ process, purpose, error }: Finished, report: Report): void {
  const { request } = purpose.intent
  const { devices } = process.machine
  const isImpossible =
    request.kind === 'count'
      ? request.count > devices.filter(({ model }) => suits(model, request)).length
      : request.ids.some((id) => gpuNumber(id) >= devices.length)
  if (isImpossible && error === null && purpose.claim !== 'all') {
    report(new Violation('I8', `${purpose.intent.id} was granted an impossible request`))
  }
  const codes = [
    'impossible-request',
    'pool-not-initialized',
    'store-unavailable',
    'interrupted',
    'wait-timed-out',
  ]
  if (isImpossible && error !== null && !codes.includes(error.code)) {
    report(new Violation('I8', `${purpose.intent.id} is impossible, refused as ${error.code}`))
  }
  const { lastDecision } = process
  if (lastDecision === undefined || purpose.claim !== 'no') return
  if (error?.code === 'over-limit') auditLimitRefusal(lastDecision.pool, purpose.intent, report)
  if (error?.code !== 'not-enough-gpus') return
  const { pool, wall } = lastDecision
  const { bookings: _, ...unbooked } = pool
  const counts = (entry: QueueEntry) =>
    !isStoppedSince(process, entry) &&
    !isOverLimit(unbooked, entry) &&
    !isBlocked({ after: pool, probe: process.lastProbe, wall }, entry)
  if (pool.queue.some(counts)) return
  const taken = new Set(pool.reservations.flatMap(unitsOf))
  const until = wall + neededFor(pool, purpose.intent)
  const free = pool.units.filter(
    (unit) =>
      wants(request, unit) &&
      !taken.has(unit.id) &&
      isShownFree(pool, unit.id, process.lastProbe) &&
      !isBooked(pool, unit.id, wall, until),
  )
  if (free.length >= sizeOf(request)) {
    report(new Violation('I2', `${purpose.intent.id} was refused free GPUs: ${JSON.stringify(request)}`))
  }
}

/** Without its grace, a run until a booking begins needs its GPUs for a minute, and ten seconds are left after it. */
const LEAST_UNTIL_BOOKED = 70_000

/** How long the GPUs must be free for a request. */
function neededFor({ policy }: Pool, { term, owner }: Intent): number {
  if (term.kind === 'manual') return term.duration
  const { timeout, untilBooked } = term
  if (untilBooked !== undefined) return untilBooked.grace + LEAST_UNTIL_BOOKED
  if (timeout === undefined) return defaultHold(policy, owner.account.uid)
  return timeout.after + timeout.grace
}

/** A limit refuses only what the account would have beyond it, with what its waiters could get before. */
function auditLimitRefusal(pool: Pool, intent: Intent, report: Report): void {
  const { policy, queue } = pool
  const { account } = intent.owner
  const own = queue.filter(({ id, owner }) => id !== intent.id && owner.account.uid === account.uid)
  const waiting = own.reduce((sum, { request }) => sum + sizeOf(request), 0)
  if (heldBy(account, pool) + waiting + sizeOf(intent.request) > mostFor(policy, account)) return
  report(new Violation('limit', `${intent.id} was refused below the limit of ${account.name}`))
}
