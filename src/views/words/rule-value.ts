import type { RuleKey } from '../../domain/policy/rules.ts'
import type { Millis } from '../../domain/pool/model.ts'

interface RuleValue {
  readonly key: RuleKey
  readonly value: string | number | null
}

/** The value as `policy set` accepts it; `no limit` without one. */
export function ruleValue({ key, value }: RuleValue): string {
  if (value === null) return key === 'default-duration' ? 'none' : 'no limit'
  if (typeof value === 'string') return value
  if (key === 'bookings') return value === 1 ? 'on' : 'off'
  return isDuration(key) ? durationValue(value) : String(value)
}

/** Whether the value of the rule is a duration. */
export const isDuration = (key: RuleKey): boolean =>
  key === 'max-duration' || key === 'default-duration' || key === 'max-booked-ahead' || key === 'keep-history'

/** `1d2h30m` */
export function durationValue(ms: Millis): string {
  const seconds = ms / 1_000
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [Math.round((seconds % 60) * 1_000) / 1_000, 's'],
  ] as const
  return parts.map(([count, unit]) => (count === 0 ? '' : `${count}${unit}`)).join('')
}
