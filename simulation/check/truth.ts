import type { Intent } from '../../src/domain/operation/intent.ts'
import type { Liveness, Moment, UnitId, UsageRecord } from '../../src/domain/pool/model.ts'
import { isRead } from '../world/kernel.ts'
import type { Machine } from '../world/machine.ts'
import type { Process } from '../world/process.ts'
import type { Commit } from '../world/stored-pool.ts'
import { Frame, type Instant } from './frame.ts'
import { type Broken, Violation } from './violation.ts'

/** The true state of one reservation. */
export interface Held {
  readonly id: string
  readonly intent: Intent
  /** The process that requested it; of a run, the command. */
  readonly holder: Process
  readonly uuids: readonly string[]
  readonly start: Instant
  units: readonly UnitId[]
  /** The end of a manual reservation. */
  expiry: Instant | undefined
  beat: Instant
  supervisor: Process | undefined
}

/** One waiter in the queue. */
export interface Waiter {
  readonly id: string
  readonly intent: Intent
  readonly process: Process
  readonly joined: Instant
  readonly until: Instant | undefined
  beat: Instant
  noted: Instant | undefined
}

/** The true state of one host, from the commits and from the events of the simulation. */
export class Truth {
  readonly machine: Machine
  readonly frame = new Frame()
  readonly beatFrame = new Frame(true)
  readonly held = new Map<string, Held>()
  readonly waiting = new Map<string, Waiter>()
  readonly records: UsageRecord[] = []
  /** All reservations, also ended ones. */
  readonly known = new Map<string, Held>()
  /** Time and user of the last release of each unit. */
  readonly released = new Map<UnitId, { readonly instant: Instant; readonly uid: number }>()

  constructor(machine: Machine) {
    this.machine = machine
  }

  /** The boot and the moment of the last commit. */
  #lastWrite: { readonly boot: number; readonly moment: Moment } | null = null
  /** When the pool was first written in the present boot. */
  #firstWriteOfBoot = Number.NEGATIVE_INFINITY
  /** Processes of an earlier boot whose end the first commit after it could not prove. */
  readonly #unproven = new Set<string>()

  /** The present time by the clocks that this process reads. */
  now(process: Process): Instant {
    const moment = process.moment()
    return this.frame.now(moment, this.machine.trueTime(moment))
  }

  /** The same for heartbeats. */
  beatNow(process: Process): Instant {
    const moment = process.moment()
    return this.beatFrame.now(moment, this.machine.trueTime(moment))
  }

  written(process: Process, moment: Moment, { now, beatNow }: Pick<Audit, 'now' | 'beatNow'>): void {
    const { boots } = this.machine
    if (this.#lastWrite !== null && this.#lastWrite.boot !== boots && !this.#provesReboot(moment)) {
      for (const { id, holder } of this.held.values()) if (holder.boot !== boots) this.#unproven.add(id)
      for (const waiter of this.waiting.values())
        if (waiter.process.boot !== boots) this.#unproven.add(waiter.id)
    }
    if (this.#lastWrite?.boot !== boots) this.#firstWriteOfBoot = this.machine.scheduler.now
    this.#lastWrite = { boot: process.boot, moment }
    this.frame.written(moment, now)
    this.beatFrame.written(moment, beatNow)
  }

  /** Whether this process can know that processes of an earlier boot ended with it. */
  isKnownRebooted(id: string, holder: Process, looker: Process): boolean {
    if (holder.boot === this.machine.boots) return false
    // A later restart that can be proven ends what an earlier one left.
    if (this.#provesReboot(looker.moment())) return true
    // A process that read the pool before the first commit of this boot may still show what that commit ended.
    const isWritten = this.#lastWrite?.boot === this.machine.boots && this.#firstWriteOfBoot <= looker.bornAt
    return isWritten && !this.#unproven.has(id)
  }

  /** Whether an entry of an earlier boot may stay until its heartbeat is stale. */
  get mayHaveUnproven(): boolean {
    return this.#unproven.size > 0 || (this.#lastWrite?.boot ?? 1) !== this.machine.boots
  }

  /** By two known boot ids, and less time since boot than at the last commit. */
  #provesReboot({ steady }: Moment): boolean {
    const last = this.#lastWrite?.moment.steady
    if (last === undefined || !isRead(last.epoch) || !isRead(steady.epoch)) return false
    return last.epoch !== steady.epoch && steady.ms < last.ms
  }
}

/** One commit under audit. */
export interface Audit extends Commit {
  readonly truth: Truth
  readonly now: Instant
  /** The same instant for heartbeats. */
  readonly beatNow: Instant
  readonly report: (broken: Broken, words: () => string) => void
}

export type Report = (violation: Violation) => void

export const isRoot = (uid: number): boolean => uid === 0

const shareNamespace = (looker: Process, other: Process): boolean =>
  looker.identity.pidNamespace === other.identity.pidNamespace

/** What one process can know about another. */
export function sightOf(looker: Process, other: Process): Liveness {
  if (!shareNamespace(looker, other)) return 'unknown'
  if (other.isAlive) return 'alive'
  return canSee(looker, other) ? 'gone' : 'unknown'
}

/** Whether one process can know that another has ended. */
export const canSee = (looker: Process, other: Process): boolean =>
  shareNamespace(looker, other) &&
  isRead(looker.identity.bootId) &&
  looker.identity.bootId === other.identity.bootId

/**
 * Whether the deciding process may see that the waiter is stopped. In the millisecond in which a process is stopped or
 * continues, it may see either state.
 */
export function isSeenStopped({ truth, process, now }: Pick<Audit, 'truth' | 'process' | 'now'>, id: string) {
  const waiter = truth.waiting.get(id)?.process
  if (waiter === undefined || waiter.isFrozen || !shareNamespace(process, waiter)) return false
  return waiter.stoppedSince <= now.at && (waiter.state === 'stopped' || waiter.awakeSince >= now.at)
}

/** Whether it must see that. */
export function isSurelyStopped(audit: Pick<Audit, 'truth' | 'process' | 'now'>, id: string): boolean {
  const waiter = audit.truth.waiting.get(id)?.process
  if (waiter === undefined || !isSeenStopped(audit, id)) return false
  return waiter.stoppedSince < audit.now.at && waiter.awakeSince !== audit.now.at
}

export function near(a: number, b: number): boolean {
  return Math.abs(a - b) < 0.5
}

export { Violation }
