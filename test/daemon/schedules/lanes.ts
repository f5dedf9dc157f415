import type { Chance } from '../../../simulation/chance.ts'

/** Steps that happen in the order in which they were added. */
export interface Lane {
  add(step: () => void): void
  /** Drops its steps, and every step that is added later. */
  end(): void
}

interface Steps {
  readonly steps: (() => void)[]
  readonly isHeld: () => boolean
}

/** All lanes with steps. The schedule decides which lane takes its next step. */
export class Lanes {
  readonly #lanes = new Set<Steps>()

  /** While it is held, its steps wait. */
  open(isHeld: () => boolean = () => false): Lane {
    const lane: Steps = { steps: [], isHeld }
    let hasEnded = false
    return {
      add: (step) => {
        if (hasEnded) return
        lane.steps.push(step)
        this.#lanes.add(lane)
      },
      end: () => {
        hasEnded = true
        lane.steps.length = 0
        this.#lanes.delete(lane)
      },
    }
  }

  /** Takes one step; false if no lane can go on. */
  step(chance: Chance): boolean {
    const ready = [...this.#lanes].filter(({ isHeld }) => !isHeld())
    if (ready.length === 0) return false
    const lane = chance.pick(ready)
    const step = lane.steps.shift()
    if (lane.steps.length === 0) this.#lanes.delete(lane)
    step?.()
    return true
  }
}
