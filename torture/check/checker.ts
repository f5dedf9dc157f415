import { bookedBy } from './booked.ts'
import { type BookingEvidence, bookingCounts, checkBookings, checkCancels } from './bookings.ts'
import { commandsOf } from './command.ts'
import { checkDrains, drainsIn } from './drains.ts'
import { checkEnds } from './ends.ts'
import type { Evidence } from './evidence.ts'
import { checkGrantedGpus, checkHolders } from './holders.ts'
import { certainHolds } from './holds.ts'
import { checkLimits } from './limits.ts'
import { checkOrder } from './order.ts'
import { outagesIn } from './outages.ts'
import { checkQueue } from './queue.ts'
import { checkRecords } from './records.ts'
import { checkReports } from './reports.ts'
import { Rules } from './rules.ts'
import { checkStatus } from './status.ts'
import { by, type Violation } from './violation.ts'
import { driftOf, MOST_DRIFT_MS } from './wall-clock.ts'

export interface CheckResult {
  readonly violations: readonly Violation[]
  /** The amount of evidence. */
  readonly holds: number
  readonly records: number
  readonly reads: number
  /** How often a command started that could have overtaken a waiter. */
  readonly chances: number
  /** Bookings that began; and those that did neither begin nor could have been cancelled. */
  readonly begun: number
  readonly unbegun: number
}

/** Checks the logs and the store of a round. It shares no code with the program: it reads only documented output. */
export function checkEvidence(evidence: Evidence): CheckResult {
  const { entries, history, audit } = evidence
  const commands = commandsOf(evidence)
  const drift = driftOf(entries)
  const holds = certainHolds(commands)
  const rules = new Rules(audit)
  const drains = drainsIn(audit, history)
  const booked = bookedBy(commands)
  const opened = entries.find((entry) => entry.event === 'opened')
  const { gpus = 0, administrator = 0, unusedAfter = 0 } = opened ?? {}
  const order = checkOrder(commands, history, gpus)
  const bookings: BookingEvidence = {
    ...{ commands, history, booked, drains, rules },
    ...{ gpus, drift, administrator, unusedAfter },
  }
  const violations =
    drift >= MOST_DRIFT_MS
      ? [by('clock')(`the wall clock was set by ${drift} ms during the round: run it again`)]
      : [
          ...checkHolders(commands, holds, history, drift),
          ...checkGrantedGpus(commands),
          ...checkStatus(commands, holds, drains),
          ...checkQueue(commands),
          ...order.violations,
          ...checkRecords(commands, history, { drift, outages: outagesIn(entries) }),
          ...checkReports(commands, history, drift),
          ...checkBookings(bookings),
          ...checkCancels(bookings),
          ...checkLimits(commands, history, rules),
          ...checkDrains(drains, history),
          ...checkEnds(commands, evidence, rules),
        ]
  const reads = commands.filter(({ request }) => ['status', 'queue', 'report'].includes(request.verb)).length
  return {
    violations,
    holds: holds.length,
    records: history.length,
    reads,
    chances: order.chances,
    ...bookingCounts(booked),
  }
}
