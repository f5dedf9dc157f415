import { onAnyHost } from '../../src/app/fleet/any-host.ts'
import { CanhazgpuError } from '../../src/domain/errors.ts'
import { type CallEnd, leavesNothing } from '../../src/domain/fleet/call-end.ts'
import { hostUnreachable } from '../../src/domain/fleet/fleet-errors.ts'
import { type Asked, forecastOf, type HostForecast } from '../../src/domain/fleet/forecast.ts'
import { FROM_CALLER, FROM_HOST } from '../../src/domain/fleet/frames.ts'
import {
  ANSWER_MS,
  type CallStage,
  endOfPatience,
  isSilent,
  PING_MS,
} from '../../src/domain/fleet/patience.ts'
import { refusalError } from '../../src/views/words/refusals.ts'
import { groupsOf } from '../system/limits.ts'
import type { Machine } from '../system/machine.ts'
import type { Process } from '../system/process.ts'
import { acquire, poolOf } from '../system/programs.ts'
import type { Prepared } from '../system/requests.ts'
import type { Fleet } from './fleet.ts'
import { ENDED_BADLY, GREETED } from './serving.ts'
import type { Session } from './session.ts'

/** A host whose forecast takes longer is left out. */
const ANSWER = 15_000

interface Wish {
  readonly prepared: Prepared
  readonly isRun: boolean
}

/** Runs a request on another host, as `src/adapters/ssh/call-host.ts`. */
export function callHost(
  fleet: Fleet,
  caller: Process,
  host: Machine,
  wish: Wish & { readonly waits: boolean; readonly answerWithin?: number },
): Promise<CallEnd> {
  const session = fleet.connect(caller, host, wish)
  return new Promise((resolve) => {
    new Call(session, wish.answerWithin ?? ANSWER_MS, (end) => {
      fleet.sessions.ended(session, end)
      resolve(end)
    })
  })
}

class Call {
  readonly #session: Session
  readonly #answerWithin: number
  readonly #end: (end: CallEnd) => void
  #stage: CallStage
  #heardAt: number
  #unanswered = 0
  #isOver = false

  constructor(session: Session, answerWithin: number, end: (end: CallEnd) => void) {
    const { caller, link } = session
    this.#session = session
    this.#answerWithin = answerWithin
    this.#end = end
    this.#heardAt = this.#now()
    this.#stage = { kind: 'connecting', since: this.#heardAt }
    link.attach('caller', {
      process: caller,
      take: (frame) => this.#take(frame),
      closed: () =>
        this.#finish(this.#isStarted ? { kind: 'lost' } : { kind: 'unreachable', reason: 'closed' }),
    })
    caller.onInterrupt.push(() => this.#interrupt())
    this.#turn()
  }

  get #isStarted(): boolean {
    return this.#stage.kind === 'started'
  }

  #take(frame: string): void {
    if (this.#isOver) return
    this.#heardAt = this.#now()
    this.#unanswered = 0
    switch (frame) {
      case GREETED:
        this.#stage = { kind: 'asked', since: this.#now() }
        break
      case FROM_HOST.errorOutput:
        if (!this.#isStarted) this.#stage = { kind: 'waiting' }
        break
      case FROM_HOST.granted:
        this.#stage = { kind: 'started' }
        this.#session.isAgreed = true
        this.#session.link.send('host', FROM_CALLER.go)
        break
      case FROM_HOST.end:
        this.#finish({ kind: 'ended', end: { code: 0 }, isStarted: this.#isStarted })
        break
      case ENDED_BADLY:
        this.#finish({ kind: 'ended', end: { code: 1 }, isStarted: this.#isStarted })
        break
      case FROM_HOST.failure:
        this.#finish({ kind: 'failed', failure: { code: 'host-unreachable' } })
    }
  }

  /** Every five seconds: pings the host, and looks whether it has answered. */
  #turn(): void {
    if (this.#isOver) return
    const { caller, link } = this.#session
    this.#unanswered++
    link.send('host', FROM_CALLER.ping)
    const end = endOfPatience({
      ...{ stage: this.#stage, now: this.#now(), heardAt: this.#heardAt },
      ...{ unanswered: this.#unanswered, answerWithin: this.#answerWithin },
    })
    if (end !== undefined) this.#finish(end)
    else caller.machine.scheduler.after(PING_MS, caller, () => this.#turn())
  }

  #interrupt(): void {
    if (this.#isOver) return
    const isSilentHost = isSilent({ now: this.#now(), heardAt: this.#heardAt })
    if (this.#stage.kind === 'connecting') this.#finish({ kind: 'interrupted' })
    else if (this.#isStarted && isSilentHost) this.#finish({ kind: 'lost' })
    else this.#session.link.send('host', FROM_CALLER.signal)
  }

  #finish(end: CallEnd): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#session.link.close()
    this.#end(end)
  }

  #now(): number {
    return this.#session.caller.moment().steady.ms
  }
}

/** `run --host any`, as `src/entries/any-host.ts`. */
export async function callAny(fleet: Fleet, caller: Process, wish: Wish): Promise<void> {
  const { waits } = wish.prepared
  const result = await onAnyHost<Machine, CallEnd | 'here'>({
    hosts: [caller.machine, ...fleet.system.machines.filter((each) => each !== caller.machine)],
    waits,
    ask: (hosts) => askHosts(fleet, caller, hosts, wish),
    start: async (host) => {
      fleet.choices.starts(caller, host)
      if (host === caller.machine) return { kind: 'ended', end: 'here' }
      const end = await callHost(fleet, caller, host, { ...wish, waits: false, answerWithin: ANSWER })
      if (!leavesNothing(end)) return { kind: 'ended', end }
      return end.kind === 'ended'
        ? { kind: 'taken' }
        : { kind: 'failed', error: hostUnreachable(host, end.kind) }
    },
    join: async (host) => {
      fleet.choices.joins(caller, host)
      if (host === caller.machine) return { kind: 'ended', end: 'here' }
      const end = await callHost(fleet, caller, host, { ...wish, waits: true })
      if (end.kind === 'ended' || !leavesNothing(end)) return { kind: 'ended', end }
      return { kind: 'failed', error: hostUnreachable(host, end.kind) }
    },
  })
  if (result.kind !== 'ended' || result.end !== 'here') return
  const intent = wish.prepared.intentFor(caller, fleet.newId())
  const purpose = { kind: 'acquire', intent, claim: 'no', waits } as const
  caller.purpose = purpose
  await acquire(fleet.system, caller, purpose, wish.prepared.behavior)
}

/** As `src/entries/ask-hosts.ts`: the answers up to the first `now`, in the order of the hosts. */
async function askHosts(
  fleet: Fleet,
  caller: Process,
  hosts: readonly Machine[],
  wish: Wish,
): Promise<readonly Asked<Machine>[]> {
  fleet.choices.asks(caller)
  const pending = hosts.map(async (host) => ({ host, forecast: await forecast(fleet, caller, host, wish) }))
  const asked: Asked<Machine>[] = []
  for (const each of pending) {
    const answer = await each
    fleet.choices.asked(caller, answer)
    asked.push(answer)
    if (answer.forecast.kind === 'now') break
  }
  return asked
}

/** As `src/entries/answer-forecast.ts` on the host, and what the caller makes of it. */
async function forecast(
  fleet: Fleet,
  caller: Process,
  host: Machine,
  { prepared }: Wish,
): Promise<HostForecast> {
  const { scheduler } = caller.machine
  const failed = (error: CanhazgpuError): HostForecast => ({ kind: 'failed', error })
  const answer = await new Promise<HostForecast>((resolve) => {
    const late = () => resolve(failed(hostUnreachable(host, `no answer within ${ANSWER} ms`)))
    scheduler.after(ANSWER, caller, late)
    fleet.ask(caller, host, async (there) => {
      const pool = poolOf(there)
      const { identity } = there
      const intent = prepared.intentFor(there, fleet.newId())
      try {
        const [{ pool: settled, moment, stopped }, { observation }] = await Promise.all([
          pool.view('settled'),
          pool.view('observed'),
        ])
        const known = forecastOf(settled, intent, {
          moment,
          stopped,
          observation,
          process: identity,
          groups: groupsOf(there.account.uid),
        })
        fleet.choices.forecast(there, { pool: settled, intent, moment, forecast: known })
        return () => resolve(known.kind === 'refused' ? failed(refusalError(known.reason)) : known)
      } catch (error) {
        if (!(error instanceof CanhazgpuError)) throw error
        return () => resolve(failed(error))
      }
    })
  })
  return answer
}
