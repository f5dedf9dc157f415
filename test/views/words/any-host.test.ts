import { expect, test } from 'bun:test'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import type { HostForecast } from '../../../src/domain/fleet/forecast.ts'
import type { HostName } from '../../../src/domain/fleet/host-name.ts'
import { chosenHostLine, nextHostLine, noHostNow, noUsableHost } from '../../../src/views/words/any-host.ts'
import { hostForecast } from '../../../src/views/words/host-forecast.ts'

const host = (name: string) => name as HostName
const failed = (
  code: 'host-unreachable' | 'impossible-request' | 'pool-not-initialized',
  message: string,
): HostForecast => ({
  kind: 'failed',
  error: new CanhazgpuError(code, message, { hint: 'do this' }),
})
const shown = ({ code, message, hint }: CanhazgpuError) => `${code}: ${message} - ${hint}`

test('the line that names the host', () => {
  expect(chosenHostLine(host('gpu2'), 'starts', false)).toBe('Host gpu2\n')
  expect(chosenHostLine(host('gpu2'), 'waits', false)).toBe('No host can start it now: waiting on gpu2\n')
  expect(chosenHostLine(host('gpu2'), 'waits', true)).toBe('{"host":"gpu2"}\n')
})

test('the line that says why another host is looked for', () => {
  const error = new CanhazgpuError('host-unreachable', 'Cannot reach gpu2: gone', { hint: 'look' })
  expect(nextHostLine(error, false)).toBe('Cannot reach gpu2: gone: asking the other hosts\n')
  expect(nextHostLine(error, true)).toBe('')
})

test('no host can start it now', () => {
  const now = new Date('2026-11-27T10:00:00').getTime()
  expect(shown(noHostNow({ host: host('gpu2'), forecast: { kind: 'later', after: 5_400_000 } }, now))).toBe(
    'not-enough-gpus: No host can start it now - --wait waits on the host with the earliest start: gpu2, earliest 11:30',
  )
  expect(shown(noHostNow({ host: host('gpu2'), forecast: { kind: 'later' } }, now))).toEndWith(
    'earliest start: gpu2',
  )
})

test.each([
  [[failed('host-unreachable', 'A')], 'host-unreachable: A - do this'],
  [[failed('host-unreachable', 'A'), failed('impossible-request', 'B')], 'impossible-request: B - A'],
  [[failed('pool-not-initialized', 'A'), failed('host-unreachable', 'B')], 'host-unreachable: B - do this'],
  [
    [failed('pool-not-initialized', 'A')],
    'usage: No host has GPUs for --host any - list hosts under remote_hosts in the configuration',
  ],
] as const)('all hosts fail %#', (forecasts, expected) => {
  const asked = forecasts.map((forecast) => ({ host: host('gpu1'), forecast }))
  expect(shown(noUsableHost(asked))).toBe(expected)
})

test('the forecast of a host is read strictly', () => {
  const read = (status: number, output: string, errorOutput = '') =>
    hostForecast({ kind: 'answered', status, output, errorOutput }, host('gpu1'))
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
