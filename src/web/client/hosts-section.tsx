import type { HostStatusDocument, HostsDocument } from '../../views/schemas/fleet.ts'
import { STATE_BY_NAME } from '../../views/words/status/states.ts'
import { type Loaded, useJson } from './api.ts'
import { StateMark, stateClass } from './gpus/state.tsx'
import { clockTime, shortDuration } from './time.ts'
import { shownUser } from './users.ts'

interface HostsSectionProps {
  /** The hosts are asked again when it changes. */
  readonly refreshKey: unknown
  readonly now: number
}

/** All hosts with their free and used GPUs. A host unfolds to its GPUs. Nothing if no other hosts are configured. */
export function HostsSection({ refreshKey, now }: HostsSectionProps) {
  const hosts = useJson<HostsDocument>('/api/hosts', refreshKey)
  if (hosts.last?.configured === false || (hosts.last === null && hosts.kind !== 'failed')) return null
  return (
    <section class="panel" id="hosts" aria-labelledby="hosts-heading">
      <div class="panel-head">
        <h2 id="hosts-heading">Hosts</h2>
        <p class="panel-more">{hosts.last === null ? '' : totalWords(hosts.last)}</p>
      </div>
      <Failure hosts={hosts} />
      <ul class="hosts">
        {hosts.last?.hosts.map((host) => (
          <li key={host.host}>
            <Host host={host} now={now} />
          </li>
        ))}
      </ul>
    </section>
  )
}

function Failure({ hosts }: { readonly hosts: Loaded<HostsDocument> }) {
  const reason =
    hosts.kind === 'failed' ? `Cannot load the hosts: ${hosts.reason}` : hosts.last?.board?.reason
  return reason === undefined ? null : <p class="failure">{reason}</p>
}

function totalWords({ hosts }: HostsDocument): string {
  const gpus = hosts.flatMap((host) => host.gpus ?? [])
  return `${freeIn(gpus)} of ${gpus.length} GPUs free on ${hosts.length} hosts`
}

const freeIn = (gpus: NonNullable<HostStatusDocument['gpus']>): number =>
  gpus.filter(({ status }) => status === 'AVAILABLE').length

/** Until this age the words of a host count as new. */
const NEW_SECONDS = 60

/** How old the words of the host are, or why there are none. Empty if they are new. */
function stateWords({ state, age_seconds: age = 0, reason = '' }: HostStatusDocument, now: number): string {
  const ago = `${shortDuration(age * 1_000)} ago`
  switch (state) {
    case 'current':
      return age < NEW_SECONDS ? '' : `as of ${ago}`
    case 'silent':
      return `silent since ${clockTime(now - age * 1_000, now)} (${ago})`
    case 'unreadable':
      return `published nothing that this version understands (${ago})`
    case 'unreachable':
      return reason
  }
}

function Host({ host, now }: { readonly host: HostStatusDocument; readonly now: number }) {
  const { gpus = [], waiting = 0 } = host
  const state = stateWords(host, now)
  const facts = [
    ...(host.gpus === undefined ? [] : [`${freeIn(gpus)} of ${gpus.length} free`]),
    ...(waiting === 0 ? [] : [`${waiting} waiting`]),
    ...(state === '' ? [] : [state]),
  ]
  return (
    <details>
      <summary>
        <strong>{host.host}</strong>{' '}
        <span class={state === '' ? undefined : 'host-old'}>{facts.join(', ')}</span>
      </summary>
      {gpus.length === 0 ? (
        <p>Nothing is known about its GPUs.</p>
      ) : (
        <ul class="host-gpus">
          {gpus.map((gpu) => (
            <li key={gpu.gpu_id} class={stateClass(gpu.status)}>
              <StateMark state={gpu.status} /> GPU {gpu.gpu_id}: {STATE_BY_NAME[gpu.status].label}
              {gpu.user === undefined ? '' : ` by ${shownUser(gpu.user, gpu.account)}`}
              <small> {gpu.gpu_model}</small>
            </li>
          ))}
        </ul>
      )}
    </details>
  )
}
