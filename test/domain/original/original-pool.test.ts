import { describe, expect, test } from 'bun:test'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import { originalGpuCount, readOriginal } from '../../../src/domain/original/original-pool.ts'
import { goEntry, goHold, goRecord, luaHold } from './texts.ts'

function thrownBy(act: () => unknown): CanhazgpuError | undefined {
  try {
    act()
  } catch (error) {
    if (error instanceof CanhazgpuError) return error
    throw error
  }
  return undefined
}

const START = Date.UTC(2026, 2, 1, 9)

const NONE = { provider: 'nvidia', gpus: [], queue: [], history: [] }

describe('the state of a GPU', () => {
  const held = (text: string) => readOriginal({ ...NONE, gpus: [text] }).gpus[0]?.held

  test('as the Lua script of the original writes it: Unix seconds, absent fields', () => {
    expect(held(luaHold({ kind: 'run', start: START, heartbeat: START }))).toEqual({
      mark: '1772355600',
      ...{ user: 'alice', account: 'alice', kind: 'run', startedAt: START, heartbeatAt: START },
    })
  })

  test('as its Go code writes it: RFC 3339 with nanoseconds and an offset, null for no time', () => {
    expect(held(goHold({ kind: 'manual', start: START, expiry: START + 3_600_000, note: 'paper' }))).toEqual({
      mark: expect.stringContaining('.372177993'),
      ...{ user: 'alice', account: 'alice', kind: 'manual', startedAt: START + 372 },
      ...{ expiresAt: START + 3_600_000 + 372, note: 'paper' },
    })
  })

  test.each([
    ['a number as text', '"1772355600"', START],
    ['fractions of a second', '1772355600.5', START + 500],
    ['the zero time of Go', '"0001-01-01T00:00:00Z"', undefined],
    ['null', 'null', undefined],
    ['another type', '[]', undefined],
    ['a time after 2200', '1e12', undefined],
    ['another format', '"yesterday"', undefined],
  ])('a time: %s', (_, time, at) => {
    const [gpu] = readOriginal({ ...NONE, gpus: [`{"last_released":${time}}`] }).gpus
    expect(gpu).toEqual(at === undefined ? {} : { lastReleased: at })
  })

  test('the account decides, and another shown name stays', () => {
    const text = JSON.stringify({ user: 'team', actual_user: 'bob', type: 'run', start_time: 1772355600 })
    expect(held(text)).toMatchObject({ user: 'team', account: 'bob' })
  })

  test('a heartbeat of the Python program has no type', () => {
    const text = JSON.stringify({ user: 'alice', start_time: 1772355600, last_heartbeat: 1772355600 })
    expect(held(text)).toMatchObject({ user: 'alice', account: 'alice', kind: 'run', heartbeatAt: START })
  })

  test('GPUs that a waiter has collected are not held', () => {
    const text = luaHold({ kind: 'run', start: START, heartbeat: START })
    expect(held(text.replace('{', '{"partial_queue_id":"q1",'))).toBeUndefined()
  })

  test.each([
    'not json',
    '[]',
    '{"user":"alice"}',
    '{"user":"alice","type":"run"}',
    '{"user":"alice","start_time":1772355600}',
    '{"user":"alice","start_time":1772355600,"last_heartbeat":1772355600,"expiry_time":1772359200}',
    '{"user":"alice","type":"other","start_time":1772355600}',
    '{"user":7,"type":"run","start_time":1772355600}',
    '{"user":"\\u0007","type":"run","start_time":1772355600}',
  ])('%p stops the import, because somebody may hold the GPU', (text) => {
    const error = thrownBy(() => readOriginal({ ...NONE, gpus: [null, text] }))
    expect(error).toMatchObject({ code: 'usage', message: expect.stringContaining('GPU 1') })
  })

  test('names and notes are safe to print and short', () => {
    const text = JSON.stringify({
      ...{
        user: `a\u001b[31m${'b'.repeat(100)}`,
        type: 'run',
        start_time: 1772355600,
        note: 'n'.repeat(1_000),
      },
    })
    const { user = '', note = '' } = held(text) ?? {}
    expect(user).not.toContain('\u001b')
    expect([user.length, note.length]).toEqual([64, 200])
  })
})

describe('the history', () => {
  test('reads records of both times, and counts the others', () => {
    const history = [
      goRecord({ gpu: 3, start: START, end: START + 60_000 }),
      '{"user":"alice","gpu_id":3,"start_time":1772355600,"end_time":1772355660,"reservation_type":"manual"}',
      'not json',
      '{"user":"alice","gpu_id":-1,"start_time":1,"end_time":2,"reservation_type":"run"}',
      '{"user":"alice","gpu_id":1.5,"start_time":1,"end_time":2,"reservation_type":"run"}',
      '{"user":"alice","gpu_id":1,"start_time":2,"end_time":1,"reservation_type":"run"}',
      '{"user":"alice","gpu_id":1,"start_time":2,"reservation_type":"run"}',
    ]
    const { records, unreadable } = readOriginal({ ...NONE, history })
    const mark = expect.any(String)
    expect(records).toEqual([
      { user: 'alice', gpu: 3, kind: 'run', startedAt: START + 372, endedAt: START + 60_372, mark },
      { user: 'alice', gpu: 3, kind: 'manual', startedAt: START, endedAt: START + 60_000, mark },
    ])
    expect(unreadable).toBe(5)
  })
})

test('the queue: entries that cannot be read do not wait', () => {
  const { waiting } = readOriginal({ ...NONE, queue: [goEntry(START), null, '{}', 'not json'] })
  expect(waiting).toEqual([START + 372])
})

test('without a provider it is NVIDIA; an unknown one is refused', () => {
  expect(readOriginal({ ...NONE, provider: null }).provider).toBe('nvidia')
  expect(thrownBy(() => readOriginal({ ...NONE, provider: 'intel' }))).toMatchObject({ code: 'usage' })
})

test('the number of GPUs', () => {
  expect(originalGpuCount('8')).toBe(8)
  for (const text of [null, '', '0', '-1', '8.5', '1025', '99999', 'eight']) {
    expect(thrownBy(() => originalGpuCount(text))).toMatchObject({ code: 'usage' })
  }
})
