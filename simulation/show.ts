import { writeFileSync } from 'node:fs'
import { type Campaign, campaign, type Tally } from './campaign.ts'
import { type Outcome, play } from './episode.ts'
import { type Script, scriptOf } from './script.ts'
import { shrink } from './shrink.ts'

/** What `--json` prints of a campaign, for who hunts mutants. */
export interface Findings {
  readonly found: string | null
  readonly seed: number | null
  readonly steps: number
  readonly cpuSeconds: number
}

/** Plays one script and prints everything that happens in it. */
export function showScript(script: Script): number {
  return print(play(script, true))
}

export const showSeed = (seed: number): number => showScript(scriptOf(seed))

/** Plays seeds until something breaks; then prints the shortest trace to it that was found. */
export function showCampaign(
  asked: Campaign,
  { json, keep }: { readonly json: boolean; readonly keep: string | undefined },
): number {
  const tally = campaign(asked)
  const { failure } = tally
  if (json) {
    console.log(JSON.stringify(findingsOf(tally)))
    return failure === null ? 0 : 1
  }
  console.log(words(tally))
  if (failure === null) return 0
  console.log(`\nSeed ${failure.seed} breaks ${failure.outcome.violation?.message}`)
  const shrunk = shrink(scriptOf(failure.seed))
  if (shrunk === null) {
    console.log('Played again it breaks nothing: something here does not go by the seed alone.')
    return 1
  }
  const { actions } = shrunk.script
  console.log(`Shrunk to ${actions.length} actions in ${shrunk.attempts} attempts:\n`)
  print(shrunk.outcome)
  if (keep !== undefined) writeFileSync(keep, `${JSON.stringify(shrunk.script, null, 2)}\n`)
  console.log(`\nThe whole of it: npm run simulate -- --seed ${failure.seed} --trace`)
  return 1
}

function findingsOf({ failure, steps, cpuSeconds }: Tally): Findings {
  return {
    found: failure?.outcome.violation?.message ?? null,
    seed: failure?.seed ?? null,
    steps,
    cpuSeconds,
  }
}

function words({ episodes, steps, seconds, cpuSeconds, virtualMs }: Tally): string {
  const rate = Math.round(steps / cpuSeconds).toLocaleString('en')
  const hours = (virtualMs / 3_600_000).toFixed(1)
  const played = `${episodes} worlds, ${steps.toLocaleString('en')} steps, ${hours} hours of their time`
  return `${played}, in ${seconds.toFixed(1)} s: ${rate} steps per second of processor time`
}

function print({ lines, violation, hash, steps }: Outcome): number {
  for (const line of lines) console.log(line)
  console.log(`${steps} steps, trace ${hash}`)
  return violation === undefined ? 0 : 1
}
