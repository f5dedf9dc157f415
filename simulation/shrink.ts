import type { Action, Scenario } from './scenario.ts'
import { type Outcome, runScenario } from './scenario-run.ts'

export interface Shrunk {
  readonly scenario: Scenario
  readonly outcome: Outcome
  readonly attempts: number
}

/**
 * Removes all actions that the violation does not need: first halves, then smaller parts, then single actions. Null if
 * the scenario has no violation.
 */
export function shrink(scenario: Scenario, mostAttempts = 600): Shrunk | null {
  let best = attempt(scenario)
  if (best.violation === undefined) return null
  const { rule } = best.violation
  let kept = scenario
  let attempts = 1
  for (let size = Math.ceil(kept.actions.length / 2); size >= 1 && attempts < mostAttempts; ) {
    let hasShrunk = false
    for (let from = 0; from < kept.actions.length && attempts < mostAttempts; ) {
      const smaller = { ...kept, actions: without(kept.actions, from, size) }
      const outcome = attempt(smaller)
      attempts++
      if (outcome.violation?.rule === rule) {
        kept = smaller
        best = outcome
        hasShrunk = true
      } else from += size
    }
    if (size === 1 && !hasShrunk) break
    size = hasShrunk && size === 1 ? 1 : Math.floor(size / 2)
  }
  return { scenario: kept, outcome: attempt(kept, true), attempts }
}

const attempt = (scenario: Scenario, traced = false): Outcome => runScenario(scenario, traced)

function without(actions: readonly Action[], from: number, count: number): readonly Action[] {
  return [...actions.slice(0, from), ...actions.slice(from + count)]
}
