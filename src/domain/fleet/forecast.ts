import type { CanhazgpuError } from '../errors.ts'
import type { Observation } from '../observation/observation.ts'
import { acquireUnits } from '../operation/acquire.ts'
import type { Intent } from '../operation/intent.ts'
import { isRefusal, type Reason } from '../operation/refusal.ts'
import type { Millis, Moment, Pool, ProcessIdentity } from '../pool/model.ts'
import { queuePlaces } from '../schedule/queue-places.ts'

/** When a host could start a request, by what is known there now. */
export type Forecast =
  | { readonly kind: 'now' }
  /** `after`: from now on; absent if it is not known. */
  | { readonly kind: 'later'; readonly after?: Millis }
  /** It may not even wait there. */
  | { readonly kind: 'refused'; readonly reason: Reason }

/** What the host says, or why it says nothing. */
export type HostForecast =
  | Exclude<Forecast, { kind: 'refused' }>
  | { readonly kind: 'failed'; readonly error: CanhazgpuError }

export interface ForecastSource {
  readonly moment: Moment
  readonly observation: Observation
  /** Ids of the entries whose process is stopped. */
  readonly stopped: readonly string[]
  /** The process that would wait. */
  readonly process: ProcessIdentity
  /** The Unix groups of its account. */
  readonly groups: readonly number[]
}

/** What would happen to this request as a newcomer. Changes nothing. */
export function forecastOf(pool: Pool, intent: Intent, source: ForecastSource): Forecast {
  const { moment: now, observation: observed, process, groups } = source
  const stopped = (each: ProcessIdentity): boolean =>
    pool.queue.some((entry) => entry.process === each && source.stopped.includes(entry.id))
  const processes = { alive: () => 'unknown' as const, stopped }
  const context = { actor: intent.owner.account, groups, now, processes, observed }
  const { pool: after, answer } = acquireUnits(pool, { op: 'acquire', intent, wait: { process } }, context)
  if (isRefusal(answer)) return { kind: 'refused', reason: answer.refused }
  if (answer.kind === 'granted') return { kind: 'now' }
  const { places } = queuePlaces(after, { now: now.wall, stopped, reading: answer.reading })
  const expected = places.find(({ entry }) => entry.id === intent.id)?.forecast
  return expected?.kind === 'at'
    ? { kind: 'later', after: Math.max(0, expected.at - now.wall) }
    : { kind: 'later' }
}

/** The hosts on which the request can start now, in the given order. */
export const startingNow = <Host>(hosts: readonly Asked<Host>[]): readonly Host[] =>
  hosts.filter(({ forecast }) => forecast.kind === 'now').map(({ host }) => host)

export interface Asked<Host> {
  readonly host: Host
  readonly forecast: HostForecast
}

/** The host with the earliest known start, or else the first one where the request may wait. */
export function firstToStart<Host>(hosts: readonly Asked<Host>[]): Asked<Host> | undefined {
  const startOf = ({ forecast }: Asked<Host>): number => {
    if (forecast.kind === 'now') return 0
    return forecast.kind === 'later' ? (forecast.after ?? UNKNOWN) : Number.POSITIVE_INFINITY
  }
  const waitable = hosts.filter(({ forecast }) => forecast.kind !== 'failed')
  // Sorting keeps the given order of equals.
  return waitable.toSorted((a, b) => startOf(a) - startOf(b))[0]
}

/** Later than every known time. */
const UNKNOWN = Number.MAX_VALUE
