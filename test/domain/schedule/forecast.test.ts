import { expect, test } from 'bun:test'
import type { Pool, QueueEntry, Reservation } from '../../../src/domain/pool/model.ts'
import { forecastLine, keepsPromises } from '../../../src/domain/schedule/forecast.ts'

const NOW = 1_000_000
const HOUR = 3_600_000
const account = { uid: 1, name: 'alice' }
const process = { pid: 1, startTime: 1, bootId: 'boot', pidNamespace: '1' }

function pool(gpus: number, reservations: readonly Reservation[], queue: readonly QueueEntry[]): Pool {
  return {
    host: 'here',
    provider: 'fake',
    gpus: Array.from({ length: gpus }, (_, id) => ({ id, uuid: `GPU-${id}`, name: 'played' })),
    reservations,
    queue,
    settings: { allocation: 'lru' },
    writtenAt: { wall: NOW, steady: { epoch: 'boot', ms: 0 } },
  }
}

const held = { user: 'alice', account, startedAt: NOW }
const manual = (id: string, gpus: readonly number[], expiresAt: number): Reservation => ({
  ...held,
  id,
  gpus,
  kind: 'manual',
  expiresAt,
})
const run = (id: string, gpus: readonly number[]): Reservation => ({
  ...held,
  id,
  gpus,
  kind: 'run',
  process,
  heartbeatAt: NOW,
  command: 'train',
})
const waiting = (id: string, request: QueueEntry['request'], duration?: number): QueueEntry => ({
  id,
  user: 'alice',
  account,
  request,
  kind: 'run',
  process,
  joinedAt: NOW,
  heartbeatAt: NOW,
  ...(duration === undefined ? {} : { duration }),
})
const some = (count: number) => ({ kind: 'count', count }) as const

function startsOf(seen: Pool): readonly (number | null)[] {
  const forecasts = forecastLine(seen, NOW)
  return seen.queue.map(({ id }) => {
    const forecast = forecasts.get(id)
    return forecast?.kind === 'at' ? forecast.at - NOW : null
  })
}

test('the first starts when enough of its GPUs come free, the next after it gives them back', () => {
  const reservations = [manual('a', [0], NOW + HOUR), manual('b', [1], NOW + 2 * HOUR)]
  const queue = [waiting('one', some(2), HOUR), waiting('two', some(1))]
  expect(startsOf(pool(2, reservations, queue))).toEqual([2 * HOUR, 3 * HOUR])
})

test('nobody is told an earlier time than one ahead who could use the same GPUs', () => {
  const queue = [waiting('one', some(2)), waiting('two', some(1))]
  expect(startsOf(pool(3, [run('a', [0]), run('b', [1])], queue))).toEqual([null, null])
})

test('but who gives them back before that, or wants others, may go first', () => {
  const reservations = [manual('a', [0], NOW + HOUR), run('b', [2])]
  const short = [waiting('one', some(2)), waiting('two', some(1), HOUR), waiting('three', some(1), HOUR + 1)]
  expect(startsOf(pool(2, [manual('a', [0], NOW + HOUR)], short))[0]).toBe(HOUR)
  const others = [waiting('one', { kind: 'ids', ids: [2] }), waiting('two', { kind: 'ids', ids: [0] })]
  expect(startsOf(pool(3, reservations, others))).toEqual([null, HOUR])
})

test('a promise is kept where nobody would start later, be it that unknown ends come at once', () => {
  const queue = [waiting('one', some(2))]
  const before = pool(2, [manual('a', [0], NOW + HOUR), run('b', [1])], queue)
  const longer = pool(2, [manual('a', [0], NOW + 2 * HOUR), run('b', [1])], queue)
  expect(keepsPromises(before, longer, NOW)).toBe(false)
  expect(keepsPromises(before, before, NOW)).toBe(true)
})

const outlookOf = (seen: Pool, outlook: Parameters<typeof forecastLine>[2]) => [
  ...forecastLine(seen, NOW, outlook).values(),
]
const lost = (gpu: number) => ({ kind: 'faulty', gpu, reason: 'lost' }) as const

test('a GPU that cannot be used is free at no known time, reserved or not', () => {
  const queue = [waiting('one', some(1))]
  const unknown = { kind: 'unknown', obstacle: lost(0) } as const
  expect(outlookOf(pool(1, [], queue), { obstacles: [lost(0)] })).toEqual([unknown])
  const reserved = pool(1, [manual('a', [0], NOW + HOUR)], queue)
  expect(outlookOf(reserved, { obstacles: [lost(0)] })).toEqual([unknown])
  expect(outlookOf(reserved, { obstacles: [lost(0)], unknownEnd: NOW })).toEqual([unknown])
})

test('others are counted on before it, be their end known or not', () => {
  const queue = [waiting('one', some(1)), waiting('two', some(2))]
  const held = run('b', [1])
  const seen = pool(3, [held, manual('a', [2], NOW + HOUR)], queue)
  expect(outlookOf(seen, { obstacles: [lost(0)] })).toMatchObject([
    { kind: 'at', at: NOW + HOUR },
    { kind: 'unknown' },
  ])
  expect(outlookOf({ ...seen, queue: [waiting('two', some(2))] }, { obstacles: [lost(0)] })).toEqual([
    { kind: 'unknown', after: held },
  ])
})

test('a stopped one has no start and takes no GPU from those behind', () => {
  const stopped = { ...waiting('one', some(1)), process: { ...process, pid: 2 } }
  const seen = pool(1, [], [stopped, waiting('two', some(1))])
  expect(outlookOf(seen, { stopped: ({ pid }) => pid === 2 })).toEqual([
    { kind: 'stopped' },
    { kind: 'at', at: NOW },
  ])
})

test('a run that goes on after its time limit ends at no known time', () => {
  const overdue = { ...run('a', [0]), timeLimit: { interruptAt: NOW - HOUR, killAt: NOW } } as Reservation
  const seen = pool(1, [overdue], [waiting('one', some(1))])
  expect(outlookOf(seen, {})).toEqual([{ kind: 'unknown', after: overdue }])
  expect(outlookOf(seen, { unknownEnd: NOW })).toMatchObject([{ kind: 'at', at: NOW }])
})
