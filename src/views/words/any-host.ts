import { CanhazgpuError } from '../../domain/errors.ts'
import type { Asked } from '../../domain/fleet/forecast.ts'
import type { HostName } from '../../domain/fleet/host-name.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { printableJson } from '../../domain/text/text.ts'
import { clockTime } from './clock-time.ts'

/** The line that says which host was chosen. */
export function chosenHostLine(host: HostName, what: 'starts' | 'waits', json: boolean): string {
  if (json) return `${printableJson({ host })}\n`
  return what === 'starts' ? `Host ${host}\n` : `No host can start it now: waiting on ${host}\n`
}

/** The host with the request, or with its place in the queue, cannot be used any longer. The next line names another one. */
export const nextHostLine = ({ message }: CanhazgpuError, json: boolean): string =>
  json ? '' : `${message}: asking the other hosts\n`

/** No host can start the request now, and it may not wait. */
export function noHostNow({ host, forecast }: Asked<HostName>, now: Millis): CanhazgpuError {
  const at =
    forecast.kind === 'later' && forecast.after !== undefined
      ? `, earliest ${clockTime(now + forecast.after, now)}`
      : ''
  return new CanhazgpuError('not-enough-gpus', 'No host can start it now', {
    hint: `--wait waits on the host with the earliest start: ${host}${at}`,
  })
}

const noHost = (): CanhazgpuError =>
  new CanhazgpuError('usage', 'No host has GPUs for --host any', {
    hint: 'list hosts under remote_hosts in the configuration',
  })

/** Every host failed. If each could not be reached, that is the reason; else the first other one. */
export function noUsableHost(asked: readonly Asked<HostName>[]): CanhazgpuError {
  const errors = asked
    .flatMap(({ forecast }) => (forecast.kind === 'failed' ? [forecast.error] : []))
    // A host without GPUs, such as this one, is not meant.
    .filter(({ code }) => code !== 'pool-not-initialized')
  const others = errors.filter(({ code }) => code !== 'host-unreachable')
  const [first = noHost()] = [...others, ...errors]
  const rest = errors.filter((error) => error !== first).map(({ message }) => message)
  const hint = rest.length === 0 ? first.hint : rest.join('; ')
  return new CanhazgpuError(first.code, first.message, { ...(hint === undefined ? {} : { hint }) })
}
