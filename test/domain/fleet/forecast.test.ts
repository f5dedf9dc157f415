import { expect, test } from 'bun:test'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import { firstToStart, type HostForecast, startingNow } from '../../../src/domain/fleet/forecast.ts'

const asked = (forecasts: Readonly<Record<string, HostForecast>>) =>
  Object.entries(forecasts).map(([host, forecast]) => ({ host, forecast }))
const failed: HostForecast = { kind: 'failed', error: new CanhazgpuError('host-unreachable', 'gone') }

test('hosts that can start it now, in the given order', () => {
  const hosts = asked({ a: failed, b: { kind: 'now' }, c: { kind: 'later', after: 1 }, d: { kind: 'now' } })
  expect(startingNow(hosts)).toEqual(['b', 'd'])
})

test('the host with the earliest known start is the first', () => {
  const first = (forecasts: Readonly<Record<string, HostForecast>>) => firstToStart(asked(forecasts))?.host
  expect(
    first({ a: { kind: 'later', after: 9 }, b: { kind: 'later', after: 3 }, c: { kind: 'later' } }),
  ).toBe('b')
  expect(first({ a: { kind: 'later' }, b: { kind: 'later', after: 10 ** 12 } })).toBe('b')
  expect(first({ a: failed, b: { kind: 'later' }, c: { kind: 'later' } })).toBe('b')
  expect(first({ a: { kind: 'later', after: 0 }, b: { kind: 'now' } })).toBe('a')
  expect(first({ a: failed })).toBeUndefined()
  expect(first({})).toBeUndefined()
})
