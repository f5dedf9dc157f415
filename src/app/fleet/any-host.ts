import type { CanhazgpuError } from '../../domain/errors.ts'
import { type Asked, firstToStart } from '../../domain/fleet/forecast.ts'

export interface AnyHost<Host, End> {
  /** In the order of preference. */
  readonly hosts: readonly Host[]
  /** Hosts where others were just faster. */
  readonly taken?: readonly Host[]
  /** Whether the request may join a queue. */
  readonly waits: boolean
  /** Asks these hosts when they could start the request, up to the first one that can start it now. */
  readonly ask: (hosts: readonly Host[]) => Promise<readonly Asked<Host>[]>
  /** Starts the request there at once. */
  readonly start: (host: Host) => Promise<Tried<End>>
  /** Joins the queue there. `asked`: what the hosts have answered; those that failed before are not asked again. */
  readonly join: (host: Host, asked: readonly Asked<Host>[]) => Promise<Tried<End>>
}

/** What came of a request to one host. Except after `ended`, nothing of it is left there. */
export type Tried<End> =
  | { readonly kind: 'ended'; readonly end: End }
  /** Others were faster. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'failed'; readonly error: CanhazgpuError }

export type AnyHostEnd<Host, End> =
  | { readonly kind: 'ended'; readonly end: End }
  /** No host can start it now, and it may not wait; this one could start it first. */
  | { readonly kind: 'none-now'; readonly first: Asked<Host>; readonly asked: readonly Asked<Host>[] }
  | { readonly kind: 'none'; readonly asked: readonly Asked<Host>[] }

/** A host whose GPUs others took so often, between its answer and the start, is waited for as if they were not free. */
const MOST_TAKEN = 2

/**
 * Starts a request on a host that can start it now. If there is none, it joins the queue of the host with the earliest
 * forecast. If a host fails, or others were faster there, all others are asked again.
 */
export async function onAnyHost<Host, End>(parts: AnyHost<Host, End>): Promise<AnyHostEnd<Host, End>> {
  const { waits, ask, start, join } = parts
  const taken = new Map((parts.taken ?? []).map((host) => [host, MOST_TAKEN]))
  const isTaken = (host: Host): boolean => (taken.get(host) ?? 0) >= MOST_TAKEN
  const failed: Asked<Host>[] = []
  for (;;) {
    const left = parts.hosts
      .filter((host) => !failed.some((each) => each.host === host))
      // The last ones, because the others are not asked after one that can start it now.
      .toSorted((a, b) => Number(isTaken(a)) - Number(isTaken(b)))
    const answers = (await ask(left)).map((each) => (isTaken(each.host) ? asIfTaken(each) : each))
    const asked = [...failed, ...answers]
    const now = asked.find(({ forecast }) => forecast.kind === 'now')
    const first = now ?? firstToStart(asked)
    if (first === undefined) return { kind: 'none', asked }
    if (now === undefined && !waits) return { kind: 'none-now', first, asked }
    const { host } = first
    const tried = await (now === undefined ? join(host, answers) : start(host))
    if (tried.kind === 'ended') return tried
    if (tried.kind === 'taken') taken.set(host, (taken.get(host) ?? 0) + 1)
    else failed.push({ host, forecast: tried })
  }
}

const asIfTaken = <Host>({ host, forecast }: Asked<Host>): Asked<Host> => ({
  host,
  forecast: forecast.kind === 'now' ? { kind: 'later', after: 0 } : forecast,
})
