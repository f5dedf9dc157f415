import type {
  Busy,
  Draining,
  Held,
  Missing,
  OverLimit,
  Reason,
  Unbookable,
} from '../../domain/operation/refusal.ts'
import type { Booking, Millis, Scope, UnitId } from '../../domain/pool/model.ts'
import { gpuNumber } from '../../domain/pool/units.ts'
import { sizeOf } from '../../domain/schedule/demand.ts'
import type { RefusalDocument } from '../schemas/refusal.ts'
import { faultWords } from '../words/faults.ts'
import { bookedDocument } from './booked-document.ts'
import { drainDocument } from './drain-document.ts'
import { sourceDocument } from './policy-document.ts'
import { requirementsDocument } from './requirements-document.ts'
import { timestamp } from './status-document.ts'

/** The facts of a refusal, for the `reason` field of a JSON error. */
export function refusalDocument(reason: Reason): RefusalDocument {
  switch (reason.code) {
    case 'short':
      return {
        code: reason.code,
        requested: reason.requested,
        available: reason.available,
        ...requirementsDocument(reason.requirements ?? {}),
        taken: numbers(reason.taken),
        ahead: reason.ahead,
        busy: busyDocument(reason.busy),
        ...unusableDocument(reason),
        booked: reason.booked.map(bookedDocument),
        replaced: numbers(reason.replaced),
      }
    case 'impossible':
      return {
        code: reason.code,
        ...missingDocument(reason.missing),
        gpus: reason.managed.length,
      }
    case 'no-such-unit':
      return { code: reason.code, gpu_ids: numbers(reason.units) }
    case 'not-yours':
      return { code: reason.code, ...heldDocument(reason), requested: numbers(reason.requested) }
    case 'timed-out':
      return {
        code: reason.code,
        busy: busyDocument(reason.busy),
        ...(reason.booked === undefined ? {} : { booked: reason.booked.map(bookedDocument) }),
        ...reachedDocument(reason.over),
      }
    case 'over-limit':
      return limitDocument(reason)
    case 'nothing-to-extend':
      return {
        code: reason.code,
        ...(reason.units === undefined ? {} : { gpu_ids: numbers(reason.units) }),
      }
    case 'nothing-to-claim':
      return { code: reason.code, claimable: reason.claimable, ...unclaimableDocument(reason.because) }
    case 'already-initialized':
      return { code: reason.code, gpus: reason.units }
    case 'too-few-devices':
      return {
        code: reason.code,
        requested: reason.asked,
        shown: reason.shown,
        provider: reason.provider,
      }
    case 'devices-missing':
      return {
        code: reason.code,
        gpu_ids: numbers(reason.units),
        gpus: reason.managed,
        shown: reason.shown,
      }
    case 'booked':
      return {
        code: reason.code,
        booked: reason.booked.map(bookedDocument),
        ...(reason.requested === undefined ? {} : { requested: reason.requested }),
        ...(reason.available === undefined ? {} : { available: reason.available }),
        ...(reason.longest === undefined ? {} : { longest_seconds: reason.longest / 1000 }),
        ...(reason.asked === undefined ? {} : { requested_seconds: reason.asked / 1000 }),
      }
    case 'breaks-bookings':
      return { code: reason.code, lost_bookings: reason.bookings.map(promiseDocument) }
    case 'past':
      return { code: reason.code, from: timestamp(reason.from) }
    case 'unbookable':
      return {
        code: reason.code,
        requested: reason.requested,
        available: reason.available,
        from: timestamp(reason.from),
        until: timestamp(reason.until),
        busy: busyDocument(reason.busy),
        ...unusableDocument(reason),
        booked: reason.booked.map(bookedDocument),
        ...(reason.earliest === undefined ? {} : { earliest: timestamp(reason.earliest) }),
      }
    case 'no-such-booking':
      return { code: reason.code, id: reason.id }
    case 'policy-needs':
      return {
        ...{ code: reason.code, rule: reason.key, missing: reason.missing },
        ...(reason.on === undefined ? {} : { on: reason.on.map(sourceDocument) }),
      }
    case 'draining':
      return { code: reason.code, draining: drainingDocument(reason.draining) }
    case 'bookings-off':
      return { code: reason.code, ...sourceOf(reason.scope) }
    case 'promised':
      return {
        code: reason.code,
        ...(reason.earliest === undefined ? {} : { earliest: timestamp(reason.earliest) }),
      }
    case 'gone':
    case 'forbidden':
    case 'owners-unknown':
      return { code: reason.code }
  }
}

function missingDocument(missing: Missing) {
  switch (missing.kind) {
    case 'count':
      return { requested: missing.count }
    case 'ids':
      return { gpu_ids: numbers(missing.ids) }
    case 'suitable':
      return {
        requested: missing.count,
        ...requirementsDocument(missing.requirements),
        suitable: missing.suitable,
        models: missing.models.map(({ name, memoryMb, count }) => ({
          gpu_model: name,
          ...(memoryMb === undefined ? {} : { memory_total_mb: memoryMb }),
          gpus: count,
        })),
      }
  }
}

const unusableDocument = ({
  occupied,
  draining,
  faulty,
}: Pick<Unbookable, 'occupied' | 'draining' | 'faulty'>) => ({
  occupied: occupied.map(({ unit, users }) => ({ gpu_id: gpuNumber(unit), users })),
  draining: drainingDocument(draining),
  faulty: faulty.map(({ unit, fault }) => ({
    gpu_id: gpuNumber(unit),
    error: faultWords(fault),
    reason: { code: fault.code },
  })),
})

const drainingDocument = (draining: readonly Draining[]) =>
  draining.map(({ unit, drain }) => ({ gpu_id: gpuNumber(unit), ...drainDocument(drain) }))

const promiseDocument = ({ id, owner, request, term }: Booking) => ({
  ...{ booking: id, user: owner.shownName, account: owner.account.name, gpus: sizeOf(request) },
  ...{ from: timestamp(term.from), until: timestamp(term.until) },
})

/** Without a scope: the default. */
const sourceOf = (scope: Scope | undefined) =>
  scope === undefined ? { source: 'default' as const } : sourceDocument(scope)

function limitDocument(reason: OverLimit): RefusalDocument {
  const { code } = reason
  switch (reason.limit) {
    case 'queue':
      return { code, limit: reason.limit, waiting: reason.waiting, most: reason.most }
    case 'account': {
      const { limit, waiting, most, scope, frees } = reason
      const source = sourceOf(scope)
      return { code, limit, waiting, most, ...source, ...freesDocument(frees) }
    }
    case 'bookings':
    case 'all-bookings': {
      const { limit, booked, most, scope, frees } = reason
      const ofAccount = sourceOf(scope)
      const source = limit === 'bookings' ? ofAccount : {}
      return { code, limit, booked, most, ...source, ...freesDocument(frees) }
    }
    case 'ahead': {
      const { limit, asked, most, scope } = reason
      const seconds = { requested_seconds: asked / 1000, most_seconds: most / 1000 }
      const source = sourceOf(scope)
      return { code, limit, ...seconds, ...source }
    }
    case 'gpus': {
      const { limit, requested, used, most, frees, at, bookings } = reason
      const when = { ...freesDocument(frees), ...(at === undefined ? {} : { exceeded_at: timestamp(at) }) }
      const own = bookings === undefined ? {} : { own_bookings: bookings.map(promiseDocument) }
      return { code, limit, requested, used, most, ...sourceDocument(reason.scope), ...when, ...own }
    }
    case 'duration': {
      const { limit, asked, most, lasts } = reason
      const seconds = {
        ...{ requested_seconds: asked / 1000, most_seconds: most / 1000 },
        ...(lasts === undefined ? {} : { used_seconds: lasts / 1000 }),
      }
      return { code, limit, ...seconds, ...sourceDocument(reason.scope) }
    }
  }
}

const freesDocument = (frees: { readonly at: Millis } | undefined) =>
  frees === undefined ? {} : { allowed_at: timestamp(frees.at) }

const reachedDocument = (over: Extract<Reason, { code: 'timed-out' }>['over']) =>
  over === undefined
    ? {}
    : { limit_reached: { used: over.used, most: over.most, ...sourceDocument(over.scope) } }

export const heldDocument = ({ unit, owner, until }: Held) => ({
  gpu_id: gpuNumber(unit),
  user: owner,
  ...(until === undefined ? {} : { until: timestamp(until) }),
})

const busyDocument = (busy: readonly Busy[]) =>
  busy.map((each) => ({ ...heldDocument(each), yours: each.own }))

const numbers = (units: readonly UnitId[]): readonly number[] => units.map(gpuNumber)

function unclaimableDocument(because: Extract<Reason, { code: 'nothing-to-claim' }>['because']) {
  switch (because?.kind) {
    case 'hidden-process':
      return { hidden_pid: because.pid }
    case 'unexplained-memory':
      return { unexplained: { gpu_id: gpuNumber(because.unit), memory_mb: because.memoryMb } }
    case undefined:
      return {}
  }
}
