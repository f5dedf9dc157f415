import { checkBooks } from './books.ts'
import { commandsOf } from './command.ts'
import { checkEnds } from './ends.ts'
import type { Evidence } from './evidence.ts'
import { checkGiven, checkHolders } from './holders.ts'
import { sureHolds } from './holds.ts'
import { checkLine } from './line.ts'
import { checkLooks } from './looks.ts'
import { checkOrder } from './order.ts'
import { checkReports } from './reports.ts'
import { by, type Violation } from './violation.ts'
import { driftOf, MOST_DRIFT_MS } from './wall-clock.ts'

export interface Judgement {
  readonly violations: readonly Violation[]
  /** How much there was to judge by. */
  readonly holds: number
  readonly records: number
  readonly looks: number
  /** How many times somebody came who could have overtaken one who waited. */
  readonly chances: number
}

/** Judges a play by what it left behind. Shares nothing with the program but the documented words of its output. */
export function judge(evidence: Evidence): Judgement {
  const { entries, history } = evidence
  const commands = commandsOf(evidence)
  const drift = driftOf(entries)
  const holds = sureHolds(commands)
  const order = checkOrder(commands, history)
  const violations =
    drift >= MOST_DRIFT_MS
      ? [by('clock')(`the wall clock was set by ${drift} ms meanwhile: play again`)]
      : [
          ...checkHolders(commands, holds, history),
          ...checkGiven(commands),
          ...checkLooks(commands, holds),
          ...checkLine(commands),
          ...order.violations,
          ...checkBooks(commands, history, drift),
          ...checkReports(commands, history, drift),
          ...checkEnds(commands, evidence),
        ]
  const looks = commands.filter(({ ask }) => ['status', 'queue', 'report'].includes(ask.verb)).length
  return { violations, holds: holds.length, records: history.length, looks, chances: order.chances }
}
