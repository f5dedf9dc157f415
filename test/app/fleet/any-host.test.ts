import { expect, test } from 'bun:test'
import { type AnyHost, onAnyHost, type Tried } from '../../../src/app/fleet/any-host.ts'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import type { HostForecast } from '../../../src/domain/fleet/forecast.ts'

const now: HostForecast = { kind: 'now' }
const after = (ms: number): HostForecast => ({ kind: 'later', after: ms })
const failed = { kind: 'failed', error: new CanhazgpuError('host-unreachable', 'gone') } as const
const ended = { kind: 'ended', end: 'its end' } as const

/** What each host says, and what comes of each attempt, in order; the last one repeats itself. */
interface Told {
  readonly forecasts: Readonly<Record<string, HostForecast>>
  readonly tries?: Readonly<Record<string, readonly Tried<string>[]>>
  readonly waits?: boolean
}

async function run({ forecasts, tries = {}, waits = true }: Told) {
  const events: string[] = []
  const left = new Map(Object.entries(tries).map(([host, each]) => [host, [...each]]))
  const tried = (what: string) => async (host: string) => {
    events.push(`${what} ${host}`)
    const results = left.get(host) ?? []
    return (results.length > 1 ? results.shift() : results[0]) ?? ended
  }
  const parts: AnyHost<string, string> = {
    hosts: Object.keys(forecasts),
    waits,
    ask: async (hosts) => {
      events.push(`ask ${hosts.join()}`)
      return hosts.map((host) => ({ host, forecast: forecasts[host] ?? failed }))
    },
    start: tried('start'),
    join: tried('join'),
  }
  return { result: await onAnyHost(parts), events }
}

test('it starts on the first host that can start it now, and else waits on the one with the earliest start', async () => {
  expect(await run({ forecasts: { a: after(1), b: now, c: now } })).toEqual({
    result: ended,
    events: ['ask a,b,c', 'start b'],
  })
  expect((await run({ forecasts: { a: after(9), b: failed, c: after(3) } })).events).toEqual([
    'ask a,b,c',
    'join c',
  ])
})

test('a host that fails is left out, and the others are asked again', async () => {
  const forecasts = { a: now, b: after(5) }
  expect((await run({ forecasts, tries: { a: [failed] } })).events).toEqual([
    'ask a,b',
    'start a',
    'ask b',
    'join b',
  ])
  const { result } = await run({ forecasts, tries: { a: [failed], b: [failed] } })
  expect(result).toMatchObject({ kind: 'none', asked: [{ host: 'a' }, { host: 'b' }] })
})

test('a host on which others are faster twice is waited for', async () => {
  expect(
    (await run({ forecasts: { a: now }, tries: { a: [{ kind: 'taken' }, { kind: 'taken' }, ended] } }))
      .events,
  ).toEqual(['ask a', 'start a', 'ask a', 'start a', 'ask a', 'join a'])
})

test('a request that may not wait joins no queue', async () => {
  const { result, events } = await run({ forecasts: { a: after(9), b: after(3) }, waits: false })
  expect(result).toMatchObject({ kind: 'none-now', first: { host: 'b' } })
  expect(events).toEqual(['ask a,b'])
})
