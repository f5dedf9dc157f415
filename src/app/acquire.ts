import { reservedUnits } from '../domain/observation/allocation.ts'
import type { Reading } from '../domain/observation/obstacles.ts'
import { thresholdOf } from '../domain/observation/threshold.ts'
import { type PoolUsage, usageOf } from '../domain/observation/usage.ts'
import {
  type Acquisition,
  acquire,
  checkPossible,
  type Intent,
  joinLine,
  type Shortage,
  type Ticket,
} from '../domain/operation/acquisition.ts'
import { settle } from '../domain/operation/ending.ts'
import type { Millis, Pool, Probe, ProviderName, Reservation, UnitId } from '../domain/pool/model.ts'
import { gpuUnit, unitsOf } from '../domain/pool/units.ts'
import { clearUnresponsive, noteStartable } from '../domain/schedule/unresponsive.ts'
import type { Deps } from './deps.ts'
import { notEnough } from './refusals.ts'
import { loadPool, updatePool } from './stored-pool.ts'

export interface Grant {
  readonly reservation: Reservation
  /** The value of `CUDA_VISIBLE_DEVICES` that means exactly these GPUs. */
  readonly devices: readonly string[]
  readonly provider: ProviderName
  /** When it was granted, in steady time: a time limit counts from here, even if this process was stopped since. */
  readonly grantedAt: Millis
}

export type Attempt =
  | { readonly kind: 'granted'; readonly grant: Grant }
  | { readonly kind: 'refused'; readonly shortage: Shortage; readonly reading: Reading }

/**
 * Grants the GPUs now, or throws `not-enough-gpus` or `impossible-request` and leaves everything as it
 * was.
 */
export async function acquireNow(deps: Deps, intent: Intent): Promise<Grant> {
  const { pool } = await loadPool(deps.store)
  const attempt = await attemptAcquire(deps, intent, pool)
  if (attempt.kind === 'refused') throw notEnough(attempt.shortage)
  return attempt.grant
}

/**
 * Asks the driver, then grants or refuses. The driver is asked before the transaction: it may be slow. With
 * a ticket a refused intent stands in line afterwards. Throws `impossible-request`.
 */
export async function attemptAcquire(
  deps: Deps,
  intent: Intent,
  seen: Pool,
  ticket?: Ticket,
): Promise<Attempt> {
  checkPossible(seen, intent.request)
  const provider = await deps.providerOf(seen)
  const probe = await provider.probe(deps.probeTimeout)
  const { acquisition, reading, at } = await commitAcquire(deps, { intent, probe, ticket })
  if (acquisition.kind === 'refused') return { ...acquisition, reading }
  const { usage } = reading.sight
  return {
    kind: 'granted',
    grant: grantOf({ reservation: acquisition.reservation, at }, usage, probe.provider),
  }
}

/** A reservation that was made at `at` in steady time. */
export interface Granted {
  readonly reservation: Reservation
  readonly at: Millis
}

export function grantOf({ reservation, at }: Granted, usage: PoolUsage, provider: ProviderName): Grant {
  const devices = visibleDevices(unitsOf(reservation), usage, provider)
  return { reservation, devices, provider, grantedAt: at }
}

interface Committing {
  readonly intent: Intent
  readonly probe: Probe
  readonly ticket: Ticket | undefined
}

function commitAcquire(deps: Deps, { intent, probe, ticket }: Committing) {
  return updatePool<{ acquisition: Acquisition; reading: Reading; at: Millis }>(deps, (pool, moment) => {
    checkPossible(pool, intent.request)
    const { pool: settled, ended } = settle(pool, moment, deps)
    const usage = usageOf(settled, probe)
    const sight = { usage, thresholdMb: thresholdOf(settled, deps.memoryThreshold) }
    const seen = { now: moment.wall, stopped: deps.stopped, sight }
    const acquired = acquire(settled, intent, seen)
    const reading = { sight, reserved: reservedUnits(settled) }
    const result = { acquisition: acquired.result, reading, at: moment.steady.ms }
    if (acquired.result.kind === 'granted' || ticket === undefined) {
      return { pool: acquired.pool, ended, result }
    }
    const waiting = joinLine(clearUnresponsive(acquired.pool, intent.id), intent, ticket, moment.wall)
    return { pool: noteStartable(waiting, intent.id, seen), ended, result }
  })
}

/**
 * GPU ids are CUDA's device numbers as long as the driver counts all GPUs of the pool. After a card is
 * lost the driver's numbers shift, and only UUIDs (on AMD the driver's numbers) still name the right ones.
 */
function visibleDevices(
  units: readonly UnitId[],
  usage: PoolUsage,
  provider: ProviderName,
): readonly string[] {
  const sights = units.map((id) => ({ id, uuid: usage.get(id)?.uuid, index: usage.get(id)?.index }))
  if (provider === 'amd-smi') return sights.map(({ id, index }) => (index === undefined ? id : String(index)))
  if (sights.every(({ id, index }) => index !== undefined && gpuUnit(index) === id)) return units
  return sights.map(({ id, uuid }) => uuid ?? id)
}
