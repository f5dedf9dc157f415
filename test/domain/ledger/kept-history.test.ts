import { expect, test } from 'bun:test'
import { withHistoryKept, withKnownDays } from '../../../src/domain/ledger/kept-history.ts'
import type { Millis, Moment, Pool } from '../../../src/domain/pool/model.ts'
import { NOON, poolOf, units } from '../pool/builders.ts'

const DAY = 86_400_000
const HOUR = DAY / 24
const TODAY = Math.floor(NOON.wall / DAY) * DAY

interface Written {
  /** How long ago the last commit was. */
  readonly before?: Millis
  readonly sinceBoot?: Millis
}

const momentOf = (sinceBoot: Millis): Moment => ({
  ...NOON,
  steady: { epoch: NOON.steady.epoch, ms: sinceBoot },
})

function keptFrom(pool: Pool, { before = HOUR, sinceBoot = 2 * HOUR }: Written = {}): Millis | undefined {
  const last = { ...pool, writtenAt: { ...pool.writtenAt, wall: NOON.wall - before } }
  return withHistoryKept(last, last, momentOf(sinceBoot)).keptFrom
}

const keeping = (days: number | undefined, from?: Millis): Pool =>
  poolOf(units(1), {
    policy: { allocation: 'lru', ...(days === undefined ? {} : { keepHistoryMs: days * DAY }) },
    ...(from === undefined ? {} : { keptFrom: from }),
  })

test('single records are kept for 400 days, or for the time of the policy, by whole days', () => {
  expect(keptFrom(keeping(undefined))).toBe(TODAY - 400 * DAY)
  expect(keptFrom(keeping(92))).toBe(TODAY - 92 * DAY)
})

test('what is no longer kept does not come back', () => {
  expect(keptFrom(keeping(400, TODAY - 92 * DAY))).toBe(TODAY - 92 * DAY)
})

test('a wrong clock loses little: one commit passes a week, and none soon after a start or a long pause', () => {
  const before = TODAY - 1_000 * DAY
  expect(keptFrom(keeping(400, before))).toBe(before + 7 * DAY)
  expect(keptFrom(keeping(400, before), { sinceBoot: HOUR / 2 })).toBe(before)
  expect(keptFrom(keeping(400, before), { before: 60 * DAY })).toBe(before)
})

test('a shorter time that an administrator sets counts at once', () => {
  const before = keeping(400, TODAY - 400 * DAY)
  const { policy } = keeping(100)
  expect(withHistoryKept({ ...before, policy }, before, momentOf(0)).keptFrom).toBe(TODAY - 100 * DAY)
})

test('a range that begins earlier begins with a whole day', () => {
  const [from, to] = [TODAY - 10 * DAY + HOUR, TODAY]
  expect(withKnownDays({ from, to }, undefined)).toEqual({ from, to })
  expect(withKnownDays({ from, to }, TODAY - 20 * DAY)).toEqual({ from, to })
  expect(withKnownDays({ from, to }, TODAY - 5 * DAY)).toEqual({ from: TODAY - 10 * DAY, to })
})
