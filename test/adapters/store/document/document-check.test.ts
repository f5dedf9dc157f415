import { expect, test } from 'bun:test'
import * as v from 'valibot'
import { damagedJson } from '../../../../fuzz/mutate-json.ts'
import { Chance } from '../../../../simulation/chance.ts'
import { documentFault } from '../../../../src/adapters/store/document/document-check.ts'
import { documentSchema } from '../../../../src/adapters/store/document/document-schema.ts'

const NOW = 1_750_000_000_000
const account = { uid: 1000, name: 'alice' }
const process = { pid: 42, startTime: 7, bootId: 'boot', pidNamespace: '1' }
const held = { user: 'alice', account, startedAt: NOW }
const waits = { user: 'bob', account, process, joinedAt: NOW, heartbeatAt: NOW }

/** Every kind of value and every field that a document may have. */
const DOCUMENT = {
  host: 'box',
  provider: 'fake',
  gpus: [
    { id: 0, uuid: 'GPU-0', name: 'played' },
    { id: 1, uuid: 'GPU-1', name: 'played', releasedAt: NOW, releasedBy: 1000 },
  ],
  reservations: [
    {
      ...{ ...held, id: 'a', gpus: [0], kind: 'run', process, heartbeatAt: NOW, command: 'true' },
      ...{ note: 'for me', timeLimit: { interruptAt: NOW, killAt: NOW + 1 } },
    },
    { ...held, id: 'b', gpus: [1], kind: 'manual', expiresAt: NOW, note: 'for me' },
  ],
  queue: [
    {
      ...{ ...waits, id: 'q', kind: 'run', request: { kind: 'count', count: 2 }, note: 'later' },
      ...{ waitUntil: NOW, duration: 1, servableSince: NOW },
    },
    { ...waits, id: 'r', kind: 'manual', request: { kind: 'ids', ids: [0, 1] } },
  ],
  settings: { allocation: 'lru', memoryThresholdMb: 512 },
  writtenAt: { wall: NOW, steady: { epoch: 'boot', ms: 5 } },
}

const schema = documentSchema()
const text = JSON.stringify(DOCUMENT)

function expectAgreement(document: unknown): boolean {
  const isValid = v.is(schema, document)
  if (isValid !== (documentFault(document) === undefined)) {
    throw new Error(`the schema says ${isValid} to ${JSON.stringify(document)}`)
  }
  return isValid
}

/** Every place in a document, as the keys that lead to it. */
function placesIn(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([key, each]) => placesIn(each, [...path, key]))]
}

function changed(
  path: readonly string[],
  change: (parent: Record<string, unknown>, key: string) => void,
): unknown {
  const root: Record<string, unknown> = { document: structuredClone(DOCUMENT) }
  const keys = ['document', ...path]
  let parent = root
  for (const key of keys.slice(0, -1)) parent = parent[key] as Record<string, unknown>
  change(parent, keys.at(-1) ?? '')
  return root.document
}

const VALUES: readonly unknown[] = [
  ...[null, true, '', 'x', 'run', 'manual', 'count', 'ids', 'lru', [], {}, [0], ['x'], [[]]],
  ...[0, -0, 1, -1, 0.5, 2 ** 22, 2 ** 22 + 1, 2 ** 53, -(2 ** 53), 8e15, 8e15 + 1, -8e15, -8e15 - 1, 1e300],
  ...[{ kind: 'toString' }, { kind: '__proto__' }, { kind: 'run' }, { kind: 'count', count: 0 }],
]

test('the check by hand and the schema accept the same documents: each place removed, or of any other value', () => {
  expect(expectAgreement(DOCUMENT)).toBe(true)
  const places = placesIn(DOCUMENT)
  expect(places.length).toBeGreaterThan(90)
  let valid = 0
  for (const path of places) {
    const removed = changed(path, (parent, key) => void delete parent[key])
    if (expectAgreement(removed)) valid++
    for (const value of VALUES) {
      const replaced = changed(path, (parent, key) => {
        parent[key] = value
      })
      if (expectAgreement(replaced)) valid++
    }
  }
  expect(valid).toBeGreaterThan(300)
})

test('the check by hand and the schema accept the same documents: damaged in several places', () => {
  let valid = 0
  for (let seed = 0; seed < 20_000; seed++) {
    const damaged = damagedJson(text, new Chance(seed))
    let document: unknown
    try {
      document = JSON.parse(damaged)
    } catch {
      continue
    }
    if (expectAgreement(document)) valid++
  }
  expect(valid).toBeGreaterThan(500)
  expect(valid).toBeLessThan(15_000)
})

test('a fault is told by its place', () => {
  const wrong = changed(['queue', '1', 'request', 'ids', '0'], (parent, key) => {
    parent[key] = -1
  })
  expect(documentFault(wrong)).toBe('.queue.1.request.ids.0')
})
