import { expect, test } from 'bun:test'
import * as v from 'valibot'
import { damagedJson } from '../../../../fuzz/mutate-json.ts'
import { Chance } from '../../../../simulation/chance.ts'
import { documentFault } from '../../../../src/adapters/store/document/document-check.ts'
import { documentSchema } from '../../../../src/adapters/store/document/document-schema.ts'

const NOW = 1_750_000_000_000
const owner = { account: { uid: 1000, name: 'alice', userNamespace: '2' }, shownName: 'alice' }
const process = { pid: 42, startTime: 7, bootId: 'boot', pidNamespace: '1' }
const held = { owner, startedAt: NOW }
const waits = { owner, process, joinedAt: NOW, heartbeatAt: NOW }
const stamp = { by: { uid: 0, name: 'root' }, at: NOW }
const whole = (unit: string) => ({ unit, share: { kind: 'whole' } })

/** A document with every kind of value and every field. */
const DOCUMENT = {
  host: 'box',
  provider: 'fake',
  units: [
    { id: '0', device: { uuid: 'GPU-0', name: 'simulated' }, shape: { kind: 'gpu' } },
    {
      ...{ id: '1', device: { uuid: 'GPU-1', name: 'simulated' }, shape: { kind: 'gpu' } },
      ...{ memoryMb: 81_920, lastUse: { endedAt: NOW, uid: 1000 } },
      drain: { since: NOW, by: owner.account, reason: 'fan' },
    },
    { id: '1.0', device: { uuid: 'MIG-0', name: 'part' }, shape: { kind: 'mig', profile: '1g.10gb' } },
  ],
  reservations: [
    {
      ...{ ...held, id: 'a', holdings: [whole('0'), whole('1')], note: 'for me' },
      term: {
        ...{ kind: 'run', process, heartbeatAt: NOW, command: 'true' },
        limit: { interruptAt: NOW, killAt: NOW + 1, enforcedBy: 'supervisor' },
      },
    },
    {
      ...{ ...held, id: 'b', holdings: [{ unit: '1.0', share: { kind: 'memory', mb: 1 } }] },
      term: { kind: 'manual', expiresAt: NOW },
    },
    { ...held, id: 'c', holdings: [whole('1')], term: { kind: 'booking', from: NOW, until: NOW + 1 } },
    { ...held, id: 'd', holdings: [whole('1')], term: { kind: 'maintenance', from: NOW, until: NOW + 1 } },
  ],
  queue: [
    {
      ...{
        ...waits,
        id: 'q',
        term: { kind: 'run', duration: 1 },
        request: { kind: 'count', count: 2, gpuTypes: ['h100'], leastMemoryMb: 9 },
      },
      ...{ note: 'later', waitUntil: NOW, startableSince: NOW, groups: [100, 7] },
    },
    { ...waits, id: 'r', term: { kind: 'manual' }, request: { kind: 'ids', ids: ['0', '1'] } },
  ],
  policy: {
    ...{ allocation: 'lru', memoryThresholdMb: 512 },
    stamps: { allocation: stamp, memoryThresholdMb: stamp },
    limits: [
      { key: 'max-gpus', scope: { kind: 'pool' }, value: 4, ...stamp },
      { key: 'max-duration', scope: { kind: 'account', uid: 1000, name: 'alice' }, value: 1, ...stamp },
      { key: 'max-waiting', scope: { kind: 'group', gid: 100, name: 'users' }, value: 0, ...stamp },
    ],
  },
  writtenAt: { wall: NOW, steady: { epoch: 'boot', ms: 5 } },
}

const schema = documentSchema()
const text = JSON.stringify(DOCUMENT)

function expectAgreement(document: unknown): boolean {
  const isValid = v.is(schema, document)
  if (isValid !== (documentFault(document) === undefined)) {
    throw new Error(`the schema returns ${isValid} for ${JSON.stringify(document)}`)
  }
  return isValid
}

/** The paths of all values in a document. */
function pathsIn(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([key, each]) => pathsIn(each, [...path, key]))]
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
  ...[
    'whole',
    'memory',
    'gpu',
    'mig',
    'booking',
    'maintenance',
    'pool',
    'account',
    'group',
    '0',
    '7',
    '10',
    '9999',
  ],
  ...['00', '01', '10000', '1.0', '1.99', '1.100', '1.', '.1', '-1', '1.0.0', ' 1', '1\n', '1e1', '١'],
  ...[{ kind: 'toString' }, { kind: '__proto__' }, { kind: 'run' }, { kind: 'count', count: 0 }],
]

test('the check by hand and the schema accept the same documents: with one value removed or replaced', () => {
  expect(expectAgreement(DOCUMENT)).toBe(true)
  const paths = pathsIn(DOCUMENT)
  expect(paths.length).toBeGreaterThan(150)
  let valid = 0
  for (const path of paths) {
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

test('the check by hand and the schema accept the same documents: with several damaged values', () => {
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

test('a fault is reported with its path', () => {
  const wrong = changed(['queue', '1', 'request', 'ids', '0'], (parent, key) => {
    parent[key] = -1
  })
  expect(documentFault(wrong)).toBe('.queue.1.request.ids.0')
})
