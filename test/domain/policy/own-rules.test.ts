import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { limitFor } from '../../../src/domain/policy/limits.ts'
import { rulesFor } from '../../../src/domain/policy/own-rules.ts'
import { RULE_KEYS } from '../../../src/domain/policy/rules.ts'
import {
  LIMIT_KEYS,
  type Limit,
  type LimitKey,
  type Owner,
  type Scope,
} from '../../../src/domain/pool/model.ts'
import { ALICE, bookedOf, manualOf, NOON, owner, poolOf, units, waiterOf } from '../pool/builders.ts'

const NOW = NOON.wall
const BOB = owner(1001, 'bob')
const limit = (key: LimitKey, value: number, scope: Scope): Limit => ({
  ...{ key, value, scope, by: { uid: 0, name: 'root' }, at: 0 },
})
const poolScope: Scope = { kind: 'pool' }
const group = (gid: number): Scope => ({ kind: 'group', gid, name: `group${gid}` })
const accountScope = ({ account: { uid, name } } = ALICE): Scope => ({ kind: 'account', uid, name })
const alice = (...groups: readonly number[]) => ({ account: ALICE.account, groups })

test('the limit of the account comes before those of its groups, the largest of these before that of the pool', () => {
  const all = [
    limit('max-gpus', 4, poolScope),
    limit('max-gpus', 2, group(500)),
    limit('max-gpus', 3, group(501)),
    limit('max-gpus', 9, group(502)),
    limit('max-gpus', 1, accountScope()),
    limit('max-gpus', 8, accountScope(BOB)),
  ]
  const marks = (limits: readonly Limit[]) =>
    rulesFor(poolOf(units(4), { policy: { allocation: 'lru', limits } }), alice(500, 501), NOW)
      .filter(({ key }) => key === 'max-gpus')
      .map(({ value, own }) => [value, own?.isInForce])
  expect(marks(all).toSorted()).toEqual([
    [1, true],
    [2, false],
    [3, false],
    [4, false],
    [8, undefined],
    [9, undefined],
  ])
  const ofGroups = all.filter(({ scope }) => scope.kind !== 'account')
  expect(marks(ofGroups)).toContainEqual([3, true])
  expect(marks(all.slice(3, 4))).toEqual([
    [null, true],
    [9, undefined],
  ])
})

test('a limit in force has what the account uses of it', () => {
  const pool = poolOf(units(4), {
    reservations: [
      manualOf({ units: [0, 1], expiresAt: NOW + 1 }),
      manualOf({ id: 'other', units: [2], owner: BOB, expiresAt: NOW + 1 }),
    ],
    queue: [waiterOf(), waiterOf({ id: 'other', owner: BOB })],
    policy: { allocation: 'lru', limits: [limit('max-gpus', 3, group(500))] },
  })
  const used = (...groups: readonly number[]) =>
    rulesFor(pool, alice(...groups), NOW).flatMap(({ key, source, own }) =>
      own?.used === undefined ? [] : [[key, source.kind, own.used]],
    )
  expect(used(500)).toEqual([
    ['max-gpus', 'group', 2],
    ['max-waiting', 'default', 1],
  ])
  expect(used()).toEqual([
    ['max-gpus', 'default', 2],
    ['max-waiting', 'default', 1],
  ])
})

test('the bookings of an account count by the same limit as its requests, if it may book or has some', () => {
  const booked = (limits: readonly Limit[], ...owners: readonly Owner[]) => {
    const bookings = owners.map((by, at) => bookedOf({ id: `b${at}`, owner: by }))
    const pool = poolOf(units(4), { bookings, policy: { allocation: 'lru', limits } })
    return rulesFor(pool, alice(), NOW).find(({ key }) => key === 'max-waiting')?.own
  }
  expect(booked([], BOB)).toEqual({ isInForce: true, used: 0 })
  expect(booked([limit('bookings', 1, poolScope)], BOB)).toEqual({ isInForce: true, used: 0, booked: 0 })
  expect(booked([], ALICE, BOB, ALICE)).toEqual({ isInForce: true, used: 0, booked: 2 })
})

test('for every rule exactly one value is in force, and it is the one that decisions use', () => {
  const anyScope = fc.oneof(
    fc.constant(poolScope),
    fc.integer({ min: 500, max: 502 }).map(group),
    fc.constantFrom(accountScope(), accountScope(BOB)),
  )
  const anyLimit = fc
    .tuple(fc.constantFrom(...LIMIT_KEYS), fc.integer({ min: 1, max: 9 }), anyScope)
    .map(([key, value, scope]) => limit(key, value, { ...scope }))
  const anyLimits = fc.uniqueArray(anyLimit, { selector: ({ key, scope }) => JSON.stringify([key, scope]) })
  fc.assert(
    fc.property(anyLimits, fc.subarray([500, 501, 502]), (limits, groups) => {
      const policy = { allocation: 'lru', limits } as const
      const rules = rulesFor(poolOf(units(1), { policy }), alice(...groups), NOW)
      for (const key of RULE_KEYS) {
        const inForce = rules.filter((rule) => rule.key === key && rule.own?.isInForce === true)
        expect(inForce).toHaveLength(1)
        const decided = limitFor(policy, key as LimitKey, alice(...groups))
        if (decided !== undefined) {
          expect(inForce).toMatchObject([{ value: decided.value, source: decided.scope }])
        }
      }
    }),
  )
})
