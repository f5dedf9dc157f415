import {
  type Account,
  ALLOCATIONS,
  type Millis,
  type Moment,
  type Policy,
  type Pool,
  PROVIDERS,
  type ProcessIdentity,
  type ProviderName,
  type QueueEntry,
  type Request,
  type Reservation,
  type Term,
  type TimeLimit,
  type Unit,
} from '../../../domain/pool/model.ts'
import { gpuUnit } from '../../../domain/pool/units.ts'
import {
  array,
  byKind,
  faultIn,
  integer,
  isObject,
  millis,
  object,
  oneOf,
  span,
  text,
  whole,
} from './checks.ts'
import { wrongValue } from './damage.ts'
import { LARGEST_PID } from './document-limits.ts'

/** Upgrades a checked document of version 1 to version 2. Throws `store-corrupt`. */
export function upgradedFrom1(document: unknown): Pool {
  checkVersion1(document)
  const { host, provider, gpus, reservations, queue, settings, writtenAt } = document
  return {
    host,
    provider,
    units: gpus.map(unitOf),
    reservations: reservations.map(reservationOf),
    queue: queue.map(entryOf),
    policy: settings,
    writtenAt,
  }
}

interface Pool1 {
  readonly host: string
  readonly provider: ProviderName
  readonly gpus: readonly Gpu1[]
  readonly reservations: readonly Reservation1[]
  readonly queue: readonly Entry1[]
  readonly settings: Policy
  readonly writtenAt: Moment
}

interface Gpu1 {
  readonly id: number
  readonly uuid: string
  readonly name: string
  readonly releasedAt?: Millis
  readonly releasedBy?: number
}

interface Base1 {
  readonly id: string
  readonly user: string
  readonly account: Account
  readonly note?: string
}

type Reservation1 = Base1 & { readonly gpus: readonly number[]; readonly startedAt: Millis } & (
    | Run1
    | Manual1
  )

interface Run1 {
  readonly kind: 'run'
  readonly process: ProcessIdentity
  readonly heartbeatAt: Millis
  readonly timeLimit?: TimeLimit
  readonly command: string
}

interface Manual1 {
  readonly kind: 'manual'
  readonly expiresAt: Millis
}

interface Entry1 extends Base1 {
  readonly request:
    | { readonly kind: 'count'; readonly count: number }
    | { readonly kind: 'ids'; readonly ids: readonly number[] }
  readonly kind: 'run' | 'manual'
  readonly process: ProcessIdentity
  readonly joinedAt: Millis
  readonly heartbeatAt: Millis
  readonly waitUntil?: Millis
  readonly duration?: Millis
  readonly servableSince?: Millis
}

/** (uid_t)-1, which is no account's uid. */
const NO_UID = 2 ** 32 - 1

function unitOf({ id, uuid, name, releasedAt, releasedBy = NO_UID }: Gpu1): Unit {
  const unit: Unit = { id: gpuUnit(id), device: { uuid, name }, shape: { kind: 'gpu' } }
  return releasedAt === undefined ? unit : { ...unit, lastUse: { endedAt: releasedAt, uid: releasedBy } }
}

function reservationOf(held: Reservation1): Reservation {
  const { id, user, account, gpus, startedAt, note } = held
  return {
    id,
    owner: { account, shownName: user },
    holdings: gpus.map((gpu) => ({ unit: gpuUnit(gpu), share: { kind: 'whole' } })),
    startedAt,
    ...(note === undefined ? {} : { note }),
    term: termOf(held),
  }
}

function termOf(held: Run1 | Manual1): Term {
  if (held.kind === 'manual') return { kind: 'manual', expiresAt: held.expiresAt }
  const { process, heartbeatAt, command, timeLimit } = held
  const run = { kind: held.kind, process, heartbeatAt, command }
  return timeLimit === undefined ? run : { ...run, limit: timeLimit }
}

function entryOf(entry: Entry1): QueueEntry {
  const { id, user, account, request, kind, process, joinedAt, heartbeatAt } = entry
  const { waitUntil, duration, servableSince, note } = entry
  return {
    id,
    owner: { account, shownName: user },
    request: requestOf(request),
    term: { kind, ...(duration === undefined ? {} : { duration }) },
    process,
    joinedAt,
    heartbeatAt,
    ...(waitUntil === undefined ? {} : { waitUntil }),
    ...(servableSince === undefined ? {} : { startableSince: servableSince }),
    ...(note === undefined ? {} : { note }),
  }
}

const requestOf = (request: Entry1['request']): Request =>
  request.kind === 'count' ? request : { kind: 'ids', ids: request.ids.map(gpuUnit) }

function checkVersion1(document: unknown): asserts document is Pool1 {
  const fault = faultInVersion1(document)
  if (fault !== undefined) throw wrongValue(fault)
}

/** Built only when needed: few commands read a pool of version 1. */
function faultInVersion1(document: unknown): string | undefined {
  const account = object({ uid: whole, name: text }, { userNamespace: text })
  const process = object({
    pid: integer(1, LARGEST_PID),
    startTime: whole,
    bootId: text,
    pidNamespace: text,
  })
  const gpuIds = array(whole, 1)
  const held = { id: text, gpus: gpuIds, user: text, account, startedAt: millis }
  const timeLimit = object({ interruptAt: millis, killAt: millis })
  const pool = object({
    host: text,
    provider: oneOf(PROVIDERS),
    gpus: array(object({ id: whole, uuid: text, name: text }, { releasedAt: millis, releasedBy: whole })),
    reservations: array(
      byKind({
        run: object({ ...held, process, heartbeatAt: millis, command: text }, { note: text, timeLimit }),
        manual: object({ ...held, expiresAt: millis }, { note: text }),
      }),
    ),
    queue: array(
      object(
        {
          ...{ id: text, user: text, account, process, joinedAt: millis, heartbeatAt: millis },
          request: byKind({ count: object({ count: integer(1) }), ids: object({ ids: gpuIds }) }),
          kind: oneOf(['run', 'manual']),
        },
        { waitUntil: millis, duration: span, servableSince: millis, note: text },
      ),
    ),
    settings: object({ allocation: oneOf(ALLOCATIONS) }, { memoryThresholdMb: integer(1) }),
    writtenAt: object({ wall: millis, steady: object({ epoch: text, ms: millis }) }),
  })
  return faultIn(document, pool) ?? numberFault(document)
}

/** GPU numbers start at 0. */
function numberFault(document: unknown): string | undefined {
  if (!isObject(document) || !Array.isArray(document.gpus)) return '.gpus'
  const wrong = document.gpus.findIndex((gpu: unknown, at) => !isObject(gpu) || gpu.id !== at)
  return wrong < 0 ? undefined : `.gpus.${wrong}.id`
}
