import { commandsOf } from './command.ts'
import { checkEnds } from './ends.ts'
import type { Evidence } from './evidence.ts'
import { checkGrantedGpus, checkHolders } from './holders.ts'
import { certainHolds } from './holds.ts'
import { checkOrder } from './order.ts'
import { outagesIn } from './outages.ts'
import { checkQueue } from './queue.ts'
import { checkRecords } from './records.ts'
import { checkReports } from './reports.ts'
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
}

/** Checks the logs and the store of a round. It shares no code with the program: it reads only documented output. */
export function checkEvidence(evidence: Evidence): CheckResult {
  const { entries, history } = evidence
  const commands = commandsOf(evidence)
  const drift = driftOf(entries)
  const holds = certainHolds(commands)
  const order = checkOrder(commands, history)
  const violations =
    drift >= MOST_DRIFT_MS
      ? [by('clock')(`the wall clock was set by ${drift} ms during the round: run it again`)]
      : [
          ...checkHolders(commands, holds, history),
          ...checkGrantedGpus(commands),
          ...checkStatus(commands, holds),
          ...checkQueue(commands),
          ...order.violations,
          ...checkRecords(commands, history, { drift, outages: outagesIn(entries) }),
          ...checkReports(commands, history, drift),
          ...checkEnds(commands, evidence),
        ]
  const reads = commands.filter(({ request }) => ['status', 'queue', 'report'].includes(request.verb)).length
  return { violations, holds: holds.length, records: history.length, reads, chances: order.chances }
}
