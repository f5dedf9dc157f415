import type { BookingIntent, Intent } from '../../src/domain/operation/intent.ts'
import type { Liveness, Moment, UnitId, UsageRecord } from '../../src/domain/pool/model.ts'
import { isRead } from '../system/kernel.ts'
import type { Machine } from '../system/machine.ts'
import type { Process } from '../system/process.ts'
import type { Commit } from '../system/stored-pool.ts'
import { Frame, type Instant } from './frame.ts'
import { type Rule, Violation } from './violation.ts'

/** The true state of one reservation. */
export interface Held {
  readonly id: string
  readonly intent: Intent | BookingIntent
  /** The process that requested it. For a run it becomes the command; for a booking it is the one that began it. */
  readonly holder: Process
  readonly uuids: readonly string[]
  readonly start: Instant
  units: readonly UnitId[]
  /** The end of a manual reservation or a booking. */
  expiry: Instant | undefined
  /** The time limit of a run. */
  readonly limit: { readonly after: number; readonly grace: number } | undefined
  beat: Instant
  supervisor: Process | undefined
}

/** One booking that has not begun. */
export interface Booked {
  readonly intent: BookingIntent
  readonly from: Instant
  readonly until: Instant
}

/** One waiter in the queue. */
export interface Waiter {
  readonly id: string
  readonly intent: Intent
  readonly process: Process
  readonly joined: Instant
  readonly until: Instant | undefined
  beat: Instant
  startableSince: Instant | undefined
}

/** The true state of one host, gathered from the commits and the events of the simulation. */
export class Truth {
  readonly machine: Machine
  readonly frame = new Frame()
  readonly beatFrame = new Frame(true)
  readonly held = new Map<string, Held>()
  readonly waiting = new Map<string, Waiter>()
  readonly booked = new Map<string, Booked>()
  readonly records: UsageRecord[] = []
  /** All reservations, also ended ones. */
  readonly known = new Map<string, Held>()
  /** Time and user of the last release of each unit. */
  readonly released = new Map<UnitId, { readonly instant: Instant; readonly uid: number }>()

  /** The UUIDs of the GPUs that root drained. */
  readonly drained = new Set<string>()

  constructor(machine: Machine) {
    this.machine = machine
  }

  /** The boot and the moment of the last commit. */
  #lastWrite: { readonly boot: number; readonly moment: Moment } | null = null
  /** When the pool was first written in the current boot. */
  #firstWriteOfBoot = Number.NEGATIVE_INFINITY
  /** Entries of an earlier boot whose end the first commit of the next boot could not prove. */
  readonly #unproven = new Set<string>()

  /** The current time by the clocks that this process reads. */
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

  /** Whether the observer can know that the holder ended with an earlier boot. */
  isKnownRebooted(id: string, holder: Process, observer: Process): boolean {
    if (holder.boot === this.machine.boots) return false
    // If a later reboot can be proven, it also proves the ends that an earlier reboot left unproven.
    if (this.#provesReboot(observer.moment())) return true
    // A process that read the pool before the first commit of this boot may still show the entries that it ended.
    const isWritten =
      this.#lastWrite?.boot === this.machine.boots && this.#firstWriteOfBoot <= observer.startedAt
    return isWritten && !this.#unproven.has(id)
  }

  /** Whether an entry of an earlier boot may stay until its heartbeat is stale. */
  get mayHaveUnproven(): boolean {
    return this.#unproven.size > 0 || (this.#lastWrite?.boot ?? 1) !== this.machine.boots
  }

  /** A reboot is proven by two known boot ids, and less time since boot than at the last commit. */
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
  readonly report: (rule: Rule, text: () => string) => void
}

export type Report = (violation: Violation) => void

export const isRoot = (uid: number): boolean => uid === 0

const shareNamespace = (observer: Process, other: Process): boolean =>
  observer.identity.pidNamespace === other.identity.pidNamespace

/** The most that the observer can know about the other process. */
export function livenessFor(observer: Process, other: Process): Liveness {
  if (!shareNamespace(observer, other)) return 'unknown'
  if (other.isAlive) return 'alive'
  return canSee(observer, other) ? 'gone' : 'unknown'
}

/** Whether the observer can know it when the other process has ended. */
export const canSee = (observer: Process, other: Process): boolean =>
  shareNamespace(observer, other) &&
  isRead(observer.identity.bootId) &&
  observer.identity.bootId === other.identity.bootId

/**
 * Whether the deciding process may see that the waiter is stopped. In the millisecond in which a process is stopped or
 * continues, it may see either state.
 */
export function isSeenStopped({ truth, process, now }: Pick<Audit, 'truth' | 'process' | 'now'>, id: string) {
  const waiter = truth.waiting.get(id)?.process
  if (waiter === undefined || waiter.isFrozen || !shareNamespace(process, waiter)) return false
  return waiter.stoppedSince <= now.at && (waiter.state === 'stopped' || waiter.resumedAt >= now.at)
}

/** Whether the deciding process must see that. */
export function isSurelyStopped(audit: Pick<Audit, 'truth' | 'process' | 'now'>, id: string): boolean {
  const waiter = audit.truth.waiting.get(id)?.process
  if (waiter === undefined || !isSeenStopped(audit, id)) return false
  return waiter.stoppedSince < audit.now.at && waiter.resumedAt !== audit.now.at
}

export function near(a: number, b: number): boolean {
  return Math.abs(a - b) < 0.5
}

export { Violation }
