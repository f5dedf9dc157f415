import { type Outcome, play } from './episode.ts'
import type { Action, Script } from './script.ts'

export interface Shrunk {
  readonly script: Script
  readonly outcome: Outcome
  readonly attempts: number
}

/**
 * Leaves out whatever the violation does not need: halves of the actions first, then ever smaller parts,
 * then single ones, until none can go. Null where the script breaks nothing.
 */
export function shrink(script: Script, mostAttempts = 600): Shrunk | null {
  let best = attempt(script)
  if (best.violation === undefined) return null
  const { broken } = best.violation
  let kept = script
  let attempts = 1
  for (let size = Math.ceil(kept.actions.length / 2); size >= 1 && attempts < mostAttempts; ) {
    let hasShrunk = false
    for (let from = 0; from < kept.actions.length && attempts < mostAttempts; ) {
      const smaller = { ...kept, actions: without(kept.actions, from, size) }
      const outcome = attempt(smaller)
      attempts++
      if (outcome.violation?.broken === broken) {
        kept = smaller
        best = outcome
        hasShrunk = true
      } else from += size
    }
    if (size === 1 && !hasShrunk) break
    size = hasShrunk && size === 1 ? 1 : Math.floor(size / 2)
  }
  return { script: kept, outcome: attempt(kept, true), attempts }
}

const attempt = (script: Script, traced = false): Outcome => play(script, traced)

function without(actions: readonly Action[], from: number, count: number): readonly Action[] {
  return [...actions.slice(0, from), ...actions.slice(from + count)]
}
