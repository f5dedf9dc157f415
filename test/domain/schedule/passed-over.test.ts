import { expect, test } from 'bun:test'
import { readingsOf } from '../../../src/domain/observation/readings.ts'
import { acquire, canStart } from '../../../src/domain/operation/acquisition.ts'
import { endReservation, settle } from '../../../src/domain/operation/ending.ts'
import type { Intent } from '../../../src/domain/operation/intent.ts'
import type { GpuUse, Pool, ProcessIdentity, QueueEntry, UnitId } from '../../../src/domain/pool/model.ts'
import type { ProcessCheck } from '../../../src/domain/pool/process-check.ts'
import type { Conditions } from '../../../src/domain/schedule/conditions.ts'
import { queuePlaces } from '../../../src/domain/schedule/queue-places.ts'
import { isWaitedFor, startableEntries } from '../../../src/domain/schedule/startable.ts'
import { clearUnresponsive, noteStartable } from '../../../src/domain/schedule/unresponsive.ts'
import {
  ALICE,
  identity,
  NOON,
  poolOf,
  runOf,
  someUnits,
  theseUnits,
  unit,
  units,
  waiterOf,
} from '../pool/builders.ts'

const NOW = NOON.wall
const waiting = (id: string, startableSince?: number) =>
  waiterOf({ id, ...(startableSince === undefined ? {} : { startableSince }) })

const poolWith = (...queue: QueueEntry[]): Pool => poolOf(units(1), { queue })
const state = { kind: 'measured', memoryUsedMb: 0, processes: [] } as const
const readings = [{ index: 0, uuid: 'GPU-0', name: 'Fake GPU', state }]
const evidence = { readings: readingsOf(poolWith(), { provider: 'fake', readings }), thresholdMb: 1024 }
const intent = (id: string): Intent => ({
  id,
  request: someUnits(1),
  owner: ALICE,
  term: { kind: 'run', process: identity(1), command: 'train' },
})

const stoppedAre = (...pids: number[]) => ({
  stopped: ({ pid }: ProcessIdentity) => pids.includes(pid),
})
const observedAt = (now: number, ...pids: number[]) => ({ now, evidence, ...stoppedAre(...pids) })
const at = (now: number, ...pids: number[]) => ({ now, ...stoppedAre(...pids) })
const startableIds = (pool: Pool, conditions: Conditions) =>
  startableEntries(pool, conditions).map(({ id }) => id)
const nextAhead = (pool: Pool, id: string, conditions: Conditions) =>
  startableEntries(pool, conditions, id).findLast((entry) => isWaitedFor(entry, conditions))?.id
const waitingAs = (id: string, pid: number): QueueEntry => waiterOf({ id, process: identity(pid) })

test('a waiter that was passed over stays passed over at the next turn, and is first again when it asks', () => {
  const pool = poolWith(waiting('first', NOW - 20_000), waiting('second', NOW - 20_000), waiting('third'))
  const third = intent('third')
  const { pool: held, result } = acquire(pool, third, observedAt(NOW))
  expect(result.kind).toBe('granted')
  const { pool: free } = endReservation(held, 'third', 'exited', NOW + 1)
  const fourth = { ...third, id: 'fourth' }
  expect(acquire(free, fourth, observedAt(NOW + 1)).result.kind).toBe('granted')

  const back = clearUnresponsive(free, 'first')
  expect(startableIds(back, at(NOW + 1))).toEqual(['first'])
  expect(acquire(back, fourth, observedAt(NOW + 1)).result.kind).toBe('refused')
})

test('a noted waiter that then had to wait again is not passed over afterwards', () => {
  const queued = poolWith(waiting('first', NOW - 20_000), waiting('second'), waiting('third'))
  const noted = noteStartable(queued, 'third', observedAt(NOW))
  const { pool: held } = acquire(noted, intent('first'), observedAt(NOW + 500))
  const { pool: free } = endReservation(held, 'first', 'exited', NOW + 60_000)
  expect(acquire(free, intent('third'), observedAt(NOW + 60_001)).result.kind).toBe('refused')
  expect(startableIds(free, at(NOW + 60_001))).toEqual(['second'])
})

test('several stopped waiters are passed over at once without a note; the next is woken and granted', () => {
  const queued = poolWith(waitingAs('first', 1), waitingAs('second', 2), waitingAs('third', 3))
  expect(startableIds(queued, at(NOW))).toEqual(['first'])
  expect(startableIds(queued, at(NOW, 1, 2))).toEqual(['first', 'second', 'third'])
  expect(canStart(queued, intent('third'), at(NOW, 1, 2))).toBe(true)
  expect(canStart(queued, intent('third'), at(NOW, 1))).toBe(false)
  expect(nextAhead(queued, 'third', at(NOW, 1))).toBe('second')
  expect(nextAhead(queued, 'third', at(NOW, 1, 2))).toBeUndefined()

  expect(noteStartable(queued, 'third', observedAt(NOW, 1, 2))).toBe(queued)
  const { pool, result } = acquire(queued, intent('third'), observedAt(NOW, 1, 2))
  expect(result).toMatchObject({
    kind: 'granted',
    reservation: { id: 'third', holdings: [{ unit: '0', share: { kind: 'whole' } }] },
  })
  expect(pool.queue).toEqual([waitingAs('first', 1), waitingAs('second', 2)])
})

test('a newcomer overtakes only stopped waiters', () => {
  const queued = poolWith(waitingAs('first', 1), waitingAs('second', 2))
  expect(acquire(queued, intent('newcomer'), observedAt(NOW, 1)).result.kind).toBe('refused')
  expect(acquire(queued, intent('newcomer'), observedAt(NOW, 1, 2)).result.kind).toBe('granted')
})

test('a waiter that continues is first again at once', () => {
  const queued = poolWith(waitingAs('first', 1), waitingAs('second', 2))
  expect(acquire(queued, intent('second'), observedAt(NOW, 1)).result.kind).toBe('granted')
  expect(acquire(queued, intent('second'), observedAt(NOW)).result.kind).toBe('refused')
  expect(startableIds(queued, at(NOW))).toEqual(['first'])
})

test('no GPU is kept for a stopped waiter', () => {
  const both = { ...waitingAs('first', 1), request: someUnits(2) }
  const queued = poolOf(units(2), { reservations: [runOf()], queue: [both, waitingAs('second', 2)] })
  expect(startableIds(queued, at(NOW))).toEqual([])
  expect(startableIds(queued, at(NOW, 1))).toEqual(['second'])
})

test('a frozen waiter behind a stopped one keeps its note when a reservation ends', () => {
  const frozen = { ...waitingAs('second', 2), startableSince: NOW - 5_000 }
  const queued = poolWith(waitingAs('first', 1), frozen, waitingAs('third', 3))
  expect(endReservation(queued, 'another', 'exited', NOW).pool).toBe(queued)
  const processes: ProcessCheck = { alive: () => 'alive', ...stoppedAre(1) }
  expect(settle(queued, { wall: NOW, steady: { ...NOON.steady, epoch: 'boot-2' } }, processes).pool).toBe(
    queued,
  )
  expect(acquire(queued, intent('third'), observedAt(NOW + 5_000, 1)).result.kind).toBe('granted')
})

const threeGpus = (...queue: QueueEntry[]): Pool => poolOf(units(3), { queue })
const evidenceWith = (pool: Pool, last: GpuUse) => {
  const states: readonly GpuUse[] = [state, state, last]
  const shown = states.map((each, index) => ({ index, uuid: `GPU-${index}`, name: 'Fake GPU', state: each }))
  return { readings: readingsOf(pool, { provider: 'fake', readings: shown }), thresholdMb: 1024 }
}
const LOST: GpuUse = { kind: 'fault', reason: 'lost' }
const USED: GpuUse = { kind: 'measured', memoryUsedMb: 9_000, processes: [] }
const wanting = (id: string, request: QueueEntry['request']): QueueEntry => waiterOf({ id, request })
const outcome = (pool: Pool, last: GpuUse, now = NOW) =>
  acquire(pool, intent('newcomer'), { ...at(now), evidence: evidenceWith(pool, last) }).result.kind

test('a request for unusable GPUs does not block usable ones; a request that only has to wait does', () => {
  const all = threeGpus(wanting('all', someUnits(3)))
  expect([LOST, USED].map((last) => outcome(all, last))).toEqual(['granted', 'granted'])
  const run = runOf()
  expect(outcome({ ...all, reservations: [run] }, LOST)).toBe('granted')
  const two = threeGpus(wanting('two', someUnits(2)))
  expect(outcome({ ...two, reservations: [run] }, LOST)).toBe('refused')
  const exact = threeGpus(wanting('exact', theseUnits(0, 1, 2)))
  expect(outcome(exact, LOST)).toBe('granted')
})

test('a GPU that was just released may still show the memory of its last holder', () => {
  const all = threeGpus(wanting('all', someUnits(3)))
  const lastUse = { endedAt: NOW, uid: 1 }
  const released = { ...all, units: [0, 1, 2].map((number) => unit(number, { lastUse })) }
  expect(outcome(released, USED, NOW + 9_999)).toBe('refused')
  expect(outcome(released, USED, NOW + 10_000)).toBe('granted')
  expect(outcome(released, LOST, NOW + 1)).toBe('granted')
})

test('an entry is behind the last entry that blocks it, not behind an entry for an unusable GPU', () => {
  const queue = [
    { ...waitingAs('first', 1), request: theseUnits(0) },
    { ...waitingAs('faulty', 2), request: theseUnits(1) },
    waitingAs('third', 3),
  ]
  const pool = poolOf(units(2), { queue })
  const fault = {
    index: 1,
    uuid: 'GPU-1',
    name: 'Fake GPU',
    state: { kind: 'fault', reason: 'lost' },
  } as const
  const withFault = readingsOf(pool, { provider: 'fake', readings: [...readings, fault] })
  const { stopped } = stoppedAre()
  const reading = { evidence: { readings: withFault, thresholdMb: 1024 }, reserved: new Set<UnitId>() }
  const reasons = queuePlaces(pool, { now: NOW, stopped, reading }).places.map(({ reason }) => reason)
  expect(reasons[2]).toEqual({ kind: 'behind', position: 1 })
})
