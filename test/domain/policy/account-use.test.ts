import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { accountUses, allowedFrom, limitsOf, unitCount } from '../../../src/domain/policy/account-use.ts'
import type { Limit, LimitKey, Policy, Scope } from '../../../src/domain/pool/model.ts'
import {
  ALICE,
  bookedOf,
  bookingOf,
  maintenanceOf,
  manualOf,
  NOON,
  owner,
  poolOf,
  runOf,
  units,
  waiterOf,
} from '../pool/builders.ts'

const HOUR = 3_600_000
const NOW = NOON.wall
const BOB = owner(1001, 'bob')
const STUDENTS: Scope = { kind: 'group', gid: 500, name: 'students' }

const limit = (key: LimitKey, value: number, scope: Scope = { kind: 'pool' }): Limit => ({
  ...{ key, value, scope, by: { uid: 0, name: 'root' }, at: 0 },
})
const policyOf = (...limits: readonly Limit[]): Policy => ({ allocation: 'lru', limits })

describe('the use of each account', () => {
  test('counts GPUs and requests, by account and not by shown name; those with most come first', () => {
    const pool = poolOf(units(8), {
      reservations: [
        runOf({ id: 'a', units: [0] }),
        manualOf({ id: 'b', units: [1, 2], owner: owner(1000, 'alice', 'team x') }),
        manualOf({ id: 'c', units: [3], owner: BOB }),
      ],
      queue: [
        waiterOf({ id: 'd', owner: BOB, groups: [7] }),
        waiterOf({ id: 'e', owner: owner(1002, 'cy') }),
        waiterOf({ id: 'f', owner: BOB, groups: [7, 8] }),
      ],
      policy: policyOf(limit('max-gpus', 1, { kind: 'account', uid: 1003, name: 'dora' })),
    })
    const uses = accountUses(pool)
    expect(uses.map((use) => [use.account.name, unitCount(use), use.waiting])).toEqual([
      ['alice', 3, 0],
      ['bob', 1, 2],
      ['cy', 0, 1],
      ['dora', 0, 0],
    ])
    expect(uses[1]?.groups).toEqual([7, 8])
  })

  test('a booking counts from its beginning, maintenance never', () => {
    const pool = poolOf(units(4), {
      reservations: [
        bookingOf({ id: 'begun', units: [0] }),
        maintenanceOf({ id: 'maintenance', units: [2] }),
      ],
      bookings: [bookedOf({ id: 'later', units: [1], from: NOW + 1, until: NOW + HOUR })],
    })
    expect(accountUses(pool).map(unitCount)).toEqual([1])
  })

  test('accounts in other user namespaces count as one', () => {
    const inside = (uid: number) => ({
      account: { uid, name: 'root', userNamespace: String(uid) },
      shownName: 'root',
    })
    const reservations = [0, 1].map((unit) => manualOf({ id: `${unit}`, units: [unit], owner: inside(unit) }))
    const [use, ...others] = accountUses(poolOf(units(2), { reservations }))
    expect(others).toEqual([])
    expect(use === undefined ? 0 : unitCount(use)).toBe(2)
  })

  test('all accounts together have as many GPUs as are held', () => {
    const anyHolders = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 8 })
    fc.assert(
      fc.property(anyHolders, (holders) => {
        const reservations = holders.map((uid, unit) =>
          manualOf({ id: `${unit}`, units: [unit], owner: owner(uid, `user${uid}`) }),
        )
        const uses = accountUses(poolOf(units(8), { reservations }))
        expect(uses.reduce((sum, use) => sum + unitCount(use), 0)).toBe(holders.length)
        expect(uses).toHaveLength(new Set(holders).size)
      }),
    )
  })
})

describe('the limits of an account', () => {
  const policy = policyOf(
    limit('max-gpus', 4),
    limit('max-gpus', 2, STUDENTS),
    limit('max-duration', HOUR, { kind: 'account', uid: 1000, name: 'alice' }),
    limit('max-duration', 2 * HOUR, STUDENTS),
  )
  const valuesOf = (groups: readonly number[] | undefined) =>
    limitsOf(policy, ALICE.account, groups).map(({ key, value, source }) => [key, value, source.kind])

  test('the account comes first, then its groups, then the pool, then the default', () => {
    expect(valuesOf([500])).toEqual([
      ['max-gpus', 2, 'group'],
      ['max-duration', HOUR, 'account'],
      ['default-duration', null, 'default'],
      ['max-waiting', 256, 'default'],
      ['bookings', 0, 'default'],
      ['max-booked-ahead', 7 * 24 * HOUR, 'default'],
    ])
    expect(valuesOf([])[0]).toEqual(['max-gpus', 4, 'pool'])
  })

  test('if the groups are not known, a limit that they may decide is left out', () => {
    expect(valuesOf(undefined)).toEqual([
      ['max-duration', HOUR, 'account'],
      ['default-duration', null, 'default'],
      ['max-waiting', 256, 'default'],
      ['bookings', 0, 'default'],
      ['max-booked-ahead', 7 * 24 * HOUR, 'default'],
    ])
  })
})

test('further units are allowed when enough of the own reservations have ended', () => {
  const reservations = [
    manualOf({ id: 'a', units: [0], expiresAt: NOW + 2 * HOUR }),
    manualOf({ id: 'b', units: [1, 2], expiresAt: NOW + HOUR }),
    manualOf({ id: 'c', units: [3], owner: BOB, expiresAt: NOW + 1 }),
  ]
  const forAnHour = { now: NOW, duration: HOUR }
  const from = (further: number, most: number) =>
    allowedFrom(poolOf(units(5), { reservations }), ALICE.account, { further, most, ...forAnHour })
  expect(from(1, 3)).toBe(NOW + HOUR)
  expect(from(3, 3)).toBe(NOW + 2 * HOUR)
  expect(from(1, 0)).toBeUndefined()
  expect(
    allowedFrom(
      poolOf(units(5), { reservations: [...reservations, runOf({ id: 'd', units: [4] })] }),
      ALICE.account,
      { further: 1, most: 1, ...forAnHour },
    ),
  ).toBeUndefined()
})
