import { type Outcome, play } from './episode.ts'
import { scriptOf } from './script.ts'

export interface Campaign {
  readonly seed: number
  readonly steps: number
  readonly seconds: number
}

export interface Tally {
  readonly episodes: number
  readonly steps: number
  readonly virtualMs: number
  readonly seconds: number
  readonly cpuSeconds: number
  /** The first seed in which something was broken. */
  readonly failure: { readonly seed: number; readonly outcome: Outcome } | null
}

/** Plays seed after seed until something breaks or enough was played. */
export function campaign({ seed, steps, seconds }: Campaign): Tally {
  // Refusals are errors here, many a second; nobody reads where they came from.
  Error.stackTraceLimit = 0
  const start = performance.now()
  const elapsed = () => (performance.now() - start) / 1000
  const startCpu = process.cpuUsage()
  const tally = () => {
    const { user, system } = process.cpuUsage(startCpu)
    const cpuSeconds = (user + system) / 1e6
    return { episodes, steps: played, virtualMs, seconds: elapsed(), cpuSeconds }
  }
  let played = 0
  let virtualMs = 0
  let episodes = 0
  while (played < steps && elapsed() < seconds) {
    const current = seed + episodes
    const outcome = play(scriptOf(current))
    episodes++
    played += outcome.steps
    virtualMs += outcome.length
    if (outcome.violation !== undefined) {
      return { ...tally(), failure: { seed: current, outcome } }
    }
  }
  return { ...tally(), failure: null }
}
