import type { PolicyChange } from '../../src/domain/policy/change.ts'
import type { Scope } from '../../src/domain/pool/model.ts'
import type { Chance } from '../chance.ts'

const [STUDENTS, STAFF] = [500, 501]

/** The Unix groups of each account. */
export const groupsOf = (uid: number): readonly number[] =>
  uid === 1000 ? [STUDENTS] : uid === 1001 ? [STUDENTS, STAFF] : uid === 1002 ? [7] : []

const SCOPES: readonly Scope[] = [
  { kind: 'pool' },
  { kind: 'account', uid: 1000, name: 'alice' },
  { kind: 'account', uid: 1003, name: 'dave' },
  { kind: 'group', gid: STUDENTS, name: 'students' },
  { kind: 'group', gid: STAFF, name: 'staff' },
]

/** Sets or removes one limit on the GPUs of an account. */
export const randomLimit = (chance: Chance, gpus: number): PolicyChange => ({
  key: 'max-gpus',
  scope: chance.pick(SCOPES),
  value: chance.is(0.3) ? null : chance.between(0, gpus),
})

/** Bookings come first, because they need the durations. */
const KEYS = ['bookings', 'max-booked-ahead', 'max-duration', 'default-duration', 'max-gpus'] as const

/** Removes all limits. */
export const NO_LIMITS: readonly PolicyChange[] = KEYS.flatMap((key) =>
  SCOPES.map((scope) => ({ key, scope, value: null })),
)
