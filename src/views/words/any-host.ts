import { CanhazgpuError } from '../../domain/errors.ts'
import type { Asked } from '../../domain/fleet/forecast.ts'
import type { HostName } from '../../domain/fleet/host-name.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { printableJson, shortened } from '../../domain/text/text.ts'
import { clockTime } from './clock-time.ts'

/** The line that says on which host the request starts. */
export const startingHostLine = (host: HostName, json: boolean): string =>
  json ? `${printableJson({ host })}\n` : `Host ${host}\n`

/** The line that says on which host the request waits. */
export const waitingHostLine = (host: HostName, asked: readonly Asked<HostName>[], json: boolean): string =>
  json ? startingHostLine(host, json) : `No host can start it now: waiting on ${host}${leftOutWords(asked)}\n`

/** The host with the request, or with its place in the queue, cannot be used any longer. The next line names another one. */
export const nextHostLine = ({ message }: CanhazgpuError, json: boolean): string =>
  json ? '' : `${message}: asking the other hosts\n`

/** No host can start the request now, and it may not wait. */
export function noHostNow(
  { host, forecast }: Asked<HostName>,
  asked: readonly Asked<HostName>[],
  now: Millis,
): CanhazgpuError {
  const at =
    forecast.kind === 'later' && forecast.after !== undefined
      ? `, earliest ${clockTime(now + forecast.after, now)}`
      : ''
  return new CanhazgpuError('not-enough-gpus', `No host can start it now${leftOutWords(asked)}`, {
    hint: `--wait waits on the host with the earliest start: ${host}${at}`,
  })
}

function noPool(asked: readonly Asked<HostName>[]): CanhazgpuError {
  const names = shortened(asked.map(({ host }) => host).join(', '), LONGEST_LEFT_OUT)
  return new CanhazgpuError('usage', `No host has GPUs for --host any: there is no pool on ${names}`, {
    hint: "list hosts with GPUs under remote_hosts in the configuration, or run 'sudo canhazgpu admin' there",
  })
}

/** Every host failed. If each could not be reached, that is the reason; else the first other one. */
export function noUsableHost(asked: readonly Asked<HostName>[]): CanhazgpuError {
  const errors = errorsOf(asked)
  const others = errors.filter(({ code }) => code !== 'host-unreachable')
  const [first = noPool(asked)] = [...others, ...errors]
  const rest = errors.filter((error) => error !== first).map(({ message }) => message)
  const hint = rest.length === 0 ? first.hint : rest.join('; ')
  return new CanhazgpuError(first.code, first.message, { ...(hint === undefined ? {} : { hint }) })
}

const LONGEST_LEFT_OUT = 1_000

/** Why hosts are not considered; empty if all are. */
function leftOutWords(asked: readonly Asked<HostName>[]): string {
  const reasons = errorsOf(asked).map(({ message }) => message)
  return reasons.length === 0 ? '' : ` (left out: ${shortened(reasons.join('; '), LONGEST_LEFT_OUT)})`
}

const errorsOf = (asked: readonly Asked<HostName>[]): readonly CanhazgpuError[] =>
  asked
    .flatMap(({ forecast }) => (forecast.kind === 'failed' ? [forecast.error] : []))
    // A host without GPUs, such as this one, is not meant.
    .filter(({ code }) => code !== 'pool-not-initialized')
