import { expect, test } from 'bun:test'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import type { HostForecast } from '../../../src/domain/fleet/forecast.ts'
import type { HostName } from '../../../src/domain/fleet/host-name.ts'
import {
  nextHostLine,
  noHostNow,
  noUsableHost,
  startingHostLine,
  waitingHostLine,
} from '../../../src/views/words/any-host.ts'
import { hostForecast } from '../../../src/views/words/host-forecast.ts'

const host = (name: string) => name as HostName
const failed = (
  code: 'host-incompatible' | 'host-unreachable' | 'impossible-request' | 'pool-not-initialized',
  message: string,
): HostForecast => ({
  kind: 'failed',
  error: new CanhazgpuError(code, message, { hint: 'do this' }),
})
const leftOut = [
  { host: host('gpu1'), forecast: failed('pool-not-initialized', 'gpu1: no pool') },
  { host: host('gpu2'), forecast: { kind: 'later' } as const },
  { host: host('gpu3'), forecast: failed('host-unreachable', 'Cannot reach gpu3: gone') },
  { host: host('gpu4'), forecast: failed('host-incompatible', 'gpu4: too old') },
]
const shown = ({ code, message, hint }: CanhazgpuError) => `${code}: ${message} - ${hint}`

test('the line that names the host', () => {
  expect(startingHostLine(host('gpu2'), false)).toBe('Host gpu2\n')
  expect(startingHostLine(host('gpu2'), true)).toBe('{"host":"gpu2"}\n')
  expect(waitingHostLine(host('gpu2'), [], false)).toBe('No host can start it now: waiting on gpu2\n')
  expect(waitingHostLine(host('gpu2'), leftOut, true)).toBe('{"host":"gpu2"}\n')
})

test('a host that is left out is named, except one without a pool', () => {
  expect(waitingHostLine(host('gpu2'), leftOut, false)).toBe(
    'No host can start it now: waiting on gpu2 (left out: Cannot reach gpu3: gone; gpu4: too old)\n',
  )
  expect(noHostNow({ host: host('gpu2'), forecast: { kind: 'later' } }, leftOut, 0).message).toBe(
    'No host can start it now (left out: Cannot reach gpu3: gone; gpu4: too old)',
  )
})

test('the line that says why another host is looked for', () => {
  const error = new CanhazgpuError('host-unreachable', 'Cannot reach gpu2: gone', { hint: 'look' })
  expect(nextHostLine(error, false)).toBe('Cannot reach gpu2: gone: asking the other hosts\n')
  expect(nextHostLine(error, true)).toBe('')
})

test('no host can start it now', () => {
  const now = new Date('2026-11-27T10:00:00').getTime()
  expect(
    shown(noHostNow({ host: host('gpu2'), forecast: { kind: 'later', after: 5_400_000 } }, [], now)),
  ).toBe(
    'not-enough-gpus: No host can start it now - --wait waits on the host with the earliest start: gpu2, earliest 11:30',
  )
  expect(shown(noHostNow({ host: host('gpu2'), forecast: { kind: 'later' } }, [], now))).toEndWith(
    'earliest start: gpu2',
  )
})

test.each([
  [[failed('host-unreachable', 'A')], 'host-unreachable: A - do this'],
  [[failed('host-unreachable', 'A'), failed('impossible-request', 'B')], 'impossible-request: B - A'],
  [[failed('pool-not-initialized', 'A'), failed('host-unreachable', 'B')], 'host-unreachable: B - do this'],
  [
    [failed('pool-not-initialized', 'A')],
    "usage: No host has GPUs for --host any: there is no pool on gpu1 - list hosts with GPUs under remote_hosts in the configuration, or run 'sudo canhazgpu admin' there",
  ],
] as const)('all hosts fail %#', (forecasts, expected) => {
  const asked = forecasts.map((forecast) => ({ host: host('gpu1'), forecast }))
  expect(shown(noUsableHost(asked))).toBe(expected)
})

test('the forecast of a host is read strictly', () => {
  const read = (status: number, output: string, errorOutput = '') =>
    hostForecast({ kind: 'answered', status, output, errorOutput }, { name: host('gpu1') })
  expect(read(0, '{"kind":"now"}\n')).toEqual({ kind: 'now' })
  expect(read(0, '{"kind":"later","after":5}')).toEqual({ kind: 'later', after: 5 })
  expect(read(0, '{"kind":"later","after":-5}')).toEqual({ kind: 'later' })
  for (const strange of ['', '[]', 'null', '{"kind":"never"}', '{'])
    expect(read(0, strange).kind).toBe('failed')
  const refused = read(
    2,
    '',
    'a note\n{"error":{"code":"impossible-request","message":"too many","hint":"fewer"}}\n',
  )
  if (refused.kind !== 'failed') throw new Error(refused.kind)
  expect(shown(refused.error)).toBe('impossible-request: gpu1: too many - fewer')
})

test.each([-1, 1e300, null, '5'])('a time that no host would forecast is as unknown: %p', (after) => {
  const output = JSON.stringify({ kind: 'later', after })
  expect(
    hostForecast({ kind: 'answered', status: 0, output, errorOutput: '' }, { name: host('gpu2') }),
  ).toEqual({
    kind: 'later',
  })
})
