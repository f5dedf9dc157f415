import { expect, test } from 'bun:test'
import { REASONS, Replay, type Replayed } from './replay.ts'

/**
 * A selection from about 190,000 decisions, recorded in two seeds before the single planner. The single planner made
 * all of them in the same way, except for the expected starts.
 */
const FIXTURE = new URL('../../fixtures/decisions.jsonl.gz', import.meta.url)

const GRANTS = ['acquire', 'canBeServed', 'servableEntries', 'isServable', 'distanceToServable']
const NOTES = ['forgetUnservable', 'noteServable', 'comes']
const PLANS = ['forecastLine', 'keepsPromises']

const decisions = await replayed()
const of = (kinds: readonly string[]) => decisions.filter(({ decision }) => kinds.includes(decision.d))

test('every request is granted, refused or overtaken as before the single planner', () => {
  expect(of(GRANTS).length).toBeGreaterThan(200)
  for (const { decision, then, now } of of(GRANTS))
    expect({ decision, answer: now }).toEqual({ decision, answer: then })
})

test('the waiters that can start but do not ask are noted as before', () => {
  expect(of(NOTES).length).toBeGreaterThan(20)
  for (const { decision, then, now } of of(NOTES))
    expect({ decision, answer: now }).toEqual({ decision, answer: then })
})

test('each expected start is as before, unless the reason for the change is recorded', () => {
  const plans = of(PLANS)
  for (const { decision, then, now } of plans) {
    const { changed } = decision
    expect({ decision, answer: now }).toEqual({
      decision,
      answer: changed === undefined ? then : changed.answer,
    })
    if (changed !== undefined) expect(now).not.toEqual(then)
  }
  const reasons = new Set(plans.flatMap(({ decision }) => decision.changed?.reason ?? []))
  expect([...reasons].toSorted()).toEqual(REASONS.toSorted())
  expect(plans.filter(({ decision }) => decision.changed === undefined).length).toBeGreaterThan(80)
})

async function replayed(): Promise<readonly Replayed[]> {
  const text = new TextDecoder().decode(Bun.gunzipSync(await Bun.file(FIXTURE).bytes()))
  const replay = new Replay()
  return text
    .trimEnd()
    .split('\n')
    .flatMap((line) => replay.repeat(JSON.parse(line)) ?? [])
}
