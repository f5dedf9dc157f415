import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { AuditRecord } from '../../../src/domain/ledger/audit.ts'
import { apply, applySetUp } from '../../../src/domain/operation/apply.ts'
import type { Context, Operation } from '../../../src/domain/operation/operation.ts'
import type { PolicyChange } from '../../../src/domain/policy/change.ts'
import { ALLOCATIONS, LIMIT_KEYS, type Pool, type Scope } from '../../../src/domain/pool/model.ts'
import { administered, replayed } from '../../support/replayed-audit.ts'
import { NOON, units } from '../pool/builders.ts'

const ROOT = { uid: 0, name: 'root' }
const context: Context = {
  ...{ actor: ROOT, now: NOON, processes: { alive: () => 'alive', stopped: () => false } },
  observed: {
    askedThresholdMb: null,
    probe: {
      provider: 'fake',
      readings: units(4).map(({ device }, index) => ({
        ...{ index, ...device, uuid: `NEW-${index}` },
        state: { kind: 'measured', memoryUsedMb: 0, memoryTotalMb: 80_000, processes: [] } as const,
      })),
    },
  },
}
const setUp: Operation<'set-up'> = {
  ...{ op: 'set-up', host: 'box', provider: 'fake', units: units(4), force: true },
  policy: {},
}
const isWithReason = fc.option(fc.constantFrom('exam week', 'fan'), { nil: undefined })
const anyScope = fc.constantFrom<Scope>(
  { kind: 'pool' },
  { kind: 'account', uid: 1000, name: 'ann' },
  { kind: 'group', gid: 500, name: 'students' },
)
const anyLimit = fc.record({
  ...{ key: fc.constantFrom(...LIMIT_KEYS), scope: anyScope },
  value: fc.option(fc.integer({ min: 1, max: 3 })),
})
const anyAllocation = fc.record({
  ...{ key: fc.constant('allocation' as const), value: fc.option(fc.constantFrom(...ALLOCATIONS)) },
})
const anyThreshold = fc.record({
  ...{ key: fc.constant('memory-threshold' as const), value: fc.option(fc.constantFrom(512, 1024, 2048)) },
})
const anyChange: fc.Arbitrary<PolicyChange> = fc.oneof(anyLimit, anyAllocation, anyThreshold)
const anyUnits = fc.subarray(['0', '1', '2', '3'], { minLength: 1 })

type Administrative = Operation<'set-policy' | 'drain' | 'restore' | 'set-up' | 'adopt-devices'>

const anyOperation: fc.Arbitrary<Administrative> = fc
  .oneof(
    fc.record({ op: fc.constant('set-policy' as const), change: anyChange, reason: isWithReason }),
    fc.record({ op: fc.constantFrom('drain', 'restore'), units: anyUnits, reason: isWithReason }),
    fc.record({ op: fc.constant('adopt-devices' as const) }),
    fc.constantFrom(setUp, {
      ...setUp,
      policy: { memoryThresholdMb: 512, allocation: 'mru-per-user' as const },
    }),
  )
  .map((operation) => {
    if (!('reason' in operation) || operation.reason !== undefined) return operation as Administrative
    const { reason: _, ...rest } = operation
    return rest as Administrative
  })

const performed = (pool: Pool, operation: Administrative) =>
  operation.op === 'set-up' ? applySetUp(pool, operation, context) : apply(pool, operation, context)

test('the records alone give the rules and the drained GPUs of the pool, and name author, time and reason', () => {
  fc.assert(
    fc.property(fc.array(anyOperation, { maxLength: 30 }), (operations) => {
      const first = applySetUp(null, setUp, context)
      let { pool } = first
      const audit: AuditRecord[] = [...(first.audit ?? [])]
      for (const operation of operations) {
        const step = performed(pool, operation)
        const added = step.audit ?? []
        if (operation.op !== 'set-up') expect(added.length > 0).toBe(step.pool !== pool)
        for (const { at, by, change } of added) {
          expect({ at, by }).toEqual({ at: NOON.wall, by: ROOT })
          expect('reason' in change ? change.reason : undefined).toBe(
            'reason' in operation ? operation.reason : undefined,
          )
        }
        pool = step.pool
        audit.push(...added)
        expect(replayed(audit)).toEqual(administered(pool))
      }
    }),
  )
})

test('a set-up is recorded, with the rules that it sets', () => {
  const policy = { memoryThresholdMb: 512 }
  const changesOf = (pool: Pool | null) =>
    applySetUp(pool, { ...setUp, policy }, context).audit?.map(({ change }) => change)
  const rule = { kind: 'rule', key: 'memory-threshold', scope: { kind: 'pool' }, before: null, after: 512 }
  const created = { kind: 'set-up', units: 4, provider: 'fake', isReset: false }
  expect<unknown>(changesOf(null)).toEqual([created, rule])
  const { pool } = applySetUp(null, { ...setUp, policy }, context)
  expect<unknown>(changesOf(pool)).toEqual([{ ...created, isReset: true }])
})

test('a record has the account that logged in, if it is known', () => {
  const login = { uid: 1000, name: 'ann' }
  const step = applySetUp(null, setUp, { ...context, login })
  expect(step.audit).toMatchObject([{ by: ROOT, login }])
  const drained = apply(step.pool, { op: 'drain', units: ['0'] }, { ...context, login })
  expect(drained.audit).toMatchObject([{ by: ROOT, login }])
  expect(drained.pool.units[0]?.drain?.by).toEqual(ROOT)
})

test('the records of a damaged pool come before the set-up that replaces it', () => {
  const audit = [{ at: 1, by: ROOT, change: { kind: 'drain', units: ['0'] } as const }]
  const step = applySetUp(null, { ...setUp, salvaged: { pool: null, records: [], sums: [], audit } }, context)
  expect(step.audit?.map(({ change }) => change.kind)).toEqual(['drain', 'set-up'])
})
