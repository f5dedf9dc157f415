import { expect, test } from 'bun:test'
import { type Rule, rulesOf } from '../../../src/domain/policy/rules.ts'
import type { Limit, LimitKey, Policy, Scope } from '../../../src/domain/pool/model.ts'
import { policyDocument } from '../../../src/views/documents/policy-document.ts'
import { logTime } from '../../../src/views/words/clock-time.ts'
import { policyText } from '../../../src/views/words/policy-words.ts'

const AT = Date.UTC(2026, 2, 1, 12)
const stamp = { by: { uid: 0, name: 'root' }, at: AT }
const limit = (key: LimitKey, value: number, scope: Scope): Limit => ({ key, value, scope, ...stamp })
const POLICY: Policy = {
  ...{ allocation: 'lru', memoryThresholdMb: 512, stamps: { memoryThresholdMb: stamp } },
  limits: [
    limit('max-gpus', 8, { kind: 'account', uid: 1000, name: 'ann' }),
    limit('max-gpus', 2, { kind: 'group', gid: 500, name: 'students' }),
    limit('max-gpus', 4, { kind: 'pool' }),
    limit('max-duration', 93_600_500, { kind: 'group', gid: 500, name: 'students' }),
  ],
}
const display = { color: false, terminal: false, columns: Number.POSITIVE_INFINITY }

test('every rule is shown with its value, its source, its author and its time', () => {
  const { stdout, stderr } = policyText({ rules: rulesOf({ policy: POLICY }), isAdvisory: true }, display)
  const by = `root    ${logTime(AT)}`
  expect(stdout?.split('\n').map((line) => line.trimEnd())).toEqual([
    'RULE              VALUE     SOURCE          SET BY  SET AT',
    'allocation        lru       default',
    `memory-threshold  512       pool            ${by}`,
    `max-gpus          4         pool            ${by}`,
    `max-gpus          2         group students  ${by}`,
    `max-gpus          8         account ann     ${by}`,
    'max-duration      no limit  default',
    `max-duration      1d2h0.5s  group students  ${by}`,
    'default-duration  none      default',
    'max-waiting       256       default',
    'bookings          off       default',
    'max-booked-ahead  7d        default',
    'keep-history      400d      default',
    '',
  ])
  expect(stderr).toBe(
    'The policy is advisory: every user of this pool can write its file. The daemon enforces it.\n',
  )
  expect(policyText({ rules: [], isAdvisory: false }, display)).not.toHaveProperty('stderr')
})

test('the rules in force for the caller are marked, with what it uses of them', () => {
  const rules = rulesOf({ policy: POLICY }).map((rule): Rule => {
    if (rule.key === 'max-waiting') return { ...rule, own: { isInForce: true, used: 1, booked: 3 } }
    if (rule.key !== 'max-gpus' || rule.source.kind === 'account') return rule
    return { ...rule, own: rule.value === 2 ? { isInForce: true, used: 2 } : { isInForce: false } }
  })
  const lines = policyText({ rules, isAdvisory: false }, display).stdout?.split('\n') ?? []
  expect(lines.filter((line) => /^(RULE|max-gpus|max-waiting|You)/.test(line))).toEqual([
    'RULE              VALUE     SOURCE          FOR YOU     SET BY  SET AT',
    `max-gpus          4         pool            overridden  root    ${logTime(AT)}`,
    `max-gpus          2         group students  in force    root    ${logTime(AT)}`,
    `max-gpus          8         account ann                 root    ${logTime(AT)}`,
    'max-waiting       256       default         in force',
    'You: 2 of 2 GPUs held, 1 of 256 requests waiting, 3 of 256 bookings',
  ])
  const documents = policyDocument({ rules, isAdvisory: false }).rules
  expect(documents).toContainEqual(expect.objectContaining({ value: '2', in_force: true, used: 2 }))
  expect(documents).toContainEqual(expect.objectContaining({ value: '256', used: 1, booked: 3 }))
  expect(documents).toContainEqual(expect.objectContaining({ value: '4', in_force: false }))
})

test('as JSON a value is also a number, and no limit is null', () => {
  const { advisory, rules } = policyDocument({ rules: rulesOf({ policy: POLICY }), isAdvisory: false })
  expect(advisory).toBe(false)
  expect(rules).toContainEqual({ rule: 'default-duration', value: null, source: 'default' })
  expect(rules).toContainEqual({
    ...{ rule: 'max-duration', value: '1d2h0.5s', amount: 93_600.5, source: 'group', name: 'students' },
    ...{ set_by: 'root', set_at: '2026-03-01T12:00:00.000Z' },
  })
})

test('a rule from before its author was recorded comes from the pool, without an author', () => {
  const [allocation] = rulesOf({ policy: { allocation: 'mru-per-user' } })
  expect(allocation).toEqual({ key: 'allocation', value: 'mru-per-user', source: { kind: 'pool' } })
})
