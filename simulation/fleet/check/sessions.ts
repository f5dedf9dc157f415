import type { CallEnd } from '../../../src/domain/fleet/call-end.ts'
import type { ServingStep } from '../../../src/domain/fleet/session.ts'
import { LEAVES_WITHIN } from '../../check/interrupts.ts'
import { Violation } from '../../check/violation.ts'
import type { Process } from '../../system/process.ts'
import type { Commit } from '../../system/stored-pool.ts'
import type { System } from '../../system/system.ts'
import type { Session } from '../session.ts'

/** After this time without a word the other end is gone. */
const SILENCE = 20_000
/** A host looks once a second whether its caller is silent. */
const LOOKS_EVERY = 1_000
const GIVES_UP_WITHIN = SILENCE + LOOKS_EVERY + LEAVES_WITHIN

/**
 * The rules of commands on other hosts. What is granted there is kept if and only if the caller wants it; a caller that
 * is gone loses its place and its grant in time, and no other caller does; one call starts on one host.
 */
export class SessionCheck {
  readonly #system: System
  /** The sessions of each caller. */
  readonly #sessions = new Map<Process, Session[]>()
  /** The sessions of which the caller knows that nothing is left on the host. */
  readonly #given = new Set<Session>()
  readonly #byId = new Map<string, Session>()
  /** The number of grants that callers have kept. */
  keptCount = 0

  constructor(system: System) {
    this.#system = system
    system.checker.onCommit.push((commit) => this.#audit(commit))
  }

  begun(session: Session): void {
    const { caller } = session
    this.#sessions.set(caller, [...(this.#sessions.get(caller) ?? []), session])
    this.#byId.set(session.id, session)
  }

  /** The two ends cannot hear each other any longer. */
  broken(session: Session): void {
    this.#system.scheduler.after(GIVES_UP_WITHIN, null, () => this.#auditGone(session))
  }

  kept(session: Session): void {
    this.keptCount++
    if (!session.isAgreed) this.#fail(session, 'keeps its GPUs, and the caller has not agreed')
    if (this.#given.has(session)) this.#fail(session, 'starts after the caller was told that it does not')
    const others = this.#sessions.get(session.caller) ?? []
    const other = others.find((each) => each !== session && each.isKept)
    if (other !== undefined) this.#fail(session, `starts, as ${other.id} on ${other.host.name} did`)
  }

  /** How the call ended for the caller. */
  ended(session: Session, end: CallEnd): void {
    const { isKept, isRun, id, host, link } = session
    const { now } = this.#system.scheduler
    const isStarted = end.kind === 'lost' || (end.kind === 'ended' && end.isStarted)
    if (!isStarted && end.kind !== 'interrupted') {
      this.#given.add(session)
      if (isKept) this.#fail(session, `has started, and the caller was told: ${end.kind}`)
    }
    const wasSilent = end.kind === 'unreachable' && end.reason.startsWith('no answer for')
    if (wasSilent && now - link.heardAt.caller < SILENCE && !session.caller.wasStopped)
      this.#fail(session, `is left by its caller ${now - link.heardAt.caller} ms after the last answer`)
    if (end.kind !== 'ended' || !end.isStarted || isRun) return
    const isGood = 'code' in end.end && end.end.code === 0
    if (isGood && !this.#system.checker.truthOf(host).known.has(id))
      this.#fail(session, 'was reported as reserved, and is not')
  }

  /** The host no longer serves this caller. */
  left(session: Session, step: ServingStep): void {
    const { now } = this.#system.scheduler
    const silent = now - session.heardAt
    if (step === 'give-up' && silent < SILENCE)
      this.#fail(session, `gives up ${silent} ms after the last word of the caller`)
    const isUndisturbed = session.link.isWhole && !session.link.wasStalled
    if (
      step === 'give-up' &&
      isUndisturbed &&
      !session.caller.wasStopped &&
      session.server?.wasStopped === false
    )
      this.#fail(session, 'gives up a caller that lives')
    if (step !== 'give-up' && session.link.isWhole) this.#fail(session, 'leaves a caller that is connected')
  }

  /** What the caller has agreed to is given back by nobody but its holder. */
  #audit({ process, ended }: Commit): void {
    for (const { reservation, outcome } of ended) {
      const session = this.#byId.get(reservation)
      if (session?.isAllowed !== true || session.isRun || process !== session.hosted) continue
      if (outcome === 'released') this.#fail(session, 'gives back what its caller wants')
    }
  }

  #auditGone(session: Session): void {
    const { scheduler, checker } = this.#system
    const { hosted, host, id, heardAt } = session
    if (session.isKept || hosted === undefined || this.#isExcused(session)) return
    const left = heardAt + GIVES_UP_WITHIN - scheduler.now
    if (left > 0) return void scheduler.after(left, null, () => this.#auditGone(session))
    if (hosted.isAlive)
      this.#fail(session, `still waits ${scheduler.now - heardAt} ms after its caller was gone`)
    if (session.isRun || !checker.truthOf(host).held.has(id)) return
    this.#fail(session, `is still reserved ${scheduler.now - heardAt} ms after its caller was gone`)
  }

  /** A process that was stopped notices nothing; one that was killed, or has no store, can give nothing back. */
  #isExcused({ host, hosted, server, boot, begun, wasEnded, isRun }: Session): boolean {
    if (host.boots !== boot || !host.isUp) return true
    if (server?.wasStopped === true || hosted?.wasStopped === true) return true
    if (isRun) return false
    const { faults, faultyUntil } = host.stored
    const couldFail = faults.before + faults.after > 0 || faultyUntil >= begun
    const wasKilled = hosted?.diedUnfinished === true && !wasEnded
    return couldFail || wasKilled
  }

  #fail({ id, host, caller }: Session, text: string): void {
    this.#system.violation ??= new Violation('remote', `${id} on ${host.name} for ${caller.name} ${text}`)
  }
}
