import { expect, test } from 'bun:test'
import { type CallStage, type CallState, endOfPatience } from '../../../src/domain/fleet/patience.ts'

const end = (stage: CallStage, state: Partial<CallState>) =>
  endOfPatience({
    ...{ stage, now: 0, heardAt: state.now ?? 0, unanswered: 0, answerWithin: 120_000 },
    ...state,
  })

const unreachable = (reason: string) => ({ kind: 'unreachable', reason }) as const

test('a host without a greeting', () => {
  const connecting: CallStage = { kind: 'connecting', since: 1_000 }
  expect(end(connecting, { now: 26_000 })).toBeUndefined()
  expect(end(connecting, { now: 26_001 })).toEqual(unreachable('no answer within 25 s'))
})

test('a host that only answers pings', () => {
  const asked: CallStage = { kind: 'asked', since: 1_000 }
  expect(end(asked, { now: 121_000 })).toBeUndefined()
  expect(end(asked, { now: 121_001 })).toEqual(unreachable('no answer to the request within 120 s'))
  expect(end(asked, { now: 16_001, answerWithin: 15_000 })).toEqual(
    unreachable('no answer to the request within 15 s'),
  )
  // It may be in the queue for days.
  expect(end({ kind: 'waiting' }, { now: 1e9 })).toBeUndefined()
})

test('a host that is silent before the start', () => {
  for (const stage of [{ kind: 'asked', since: 0 }, { kind: 'waiting' }] as const) {
    expect(end(stage, { now: 30_000, heardAt: 10_000 })).toBeUndefined()
    expect(end(stage, { now: 30_001, heardAt: 10_000 })).toEqual(unreachable('no answer for 20 s'))
  }
})

test('a host that is silent while its command runs', () => {
  const silent = { now: 1e9, heardAt: 0 }
  expect(end({ kind: 'started' }, { ...silent, unanswered: 180 })).toBeUndefined()
  expect(end({ kind: 'started' }, { ...silent, unanswered: 181 })).toEqual({ kind: 'lost' })
})
