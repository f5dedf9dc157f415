import type { Intent } from '../../src/domain/acquisition.ts'
import type { UsageRecord } from '../../src/domain/model.ts'
import type { Machine } from '../world/machine.ts'
import type { Process } from '../world/process.ts'
import type { Commit } from '../world/stored-pool.ts'
import { Frame, type Instant } from './frame.ts'
import { type Broken, Violation } from './violation.ts'

/** One reservation, as it truly is. */
export interface Held {
  readonly id: string
  readonly intent: Intent
  /** Who asked for it; of a run, the command. */
  readonly holder: Process
  readonly uuids: readonly string[]
  readonly start: Instant
  gpus: readonly number[]
  /** Of a manual reservation. */
  expiry: Instant | undefined
  beat: Instant
  supervisor: Process | undefined
}

/** One who waits in line. */
export interface Waiter {
  readonly id: string
  readonly intent: Intent
  readonly process: Process
  readonly joined: Instant
  readonly until: Instant | undefined
  beat: Instant
  noted: Instant | undefined
}

/** What the checker knows of one host, from what was committed and from what truly happened. */
export class Books {
  readonly machine: Machine
  readonly frame = new Frame()
  readonly held = new Map<string, Held>()
  readonly waiting = new Map<string, Waiter>()
  readonly records: UsageRecord[] = []
  /** Every reservation there ever was. */
  readonly known = new Map<string, Held>()
  /** When each GPU was released, and by whom. */
  readonly released = new Map<number, { readonly instant: Instant; readonly uid: number }>()

  constructor(machine: Machine) {
    this.machine = machine
  }

  /** The present instant, as the machine's clocks show it. */
  now(): Instant {
    const moment = this.machine.moment()
    return this.frame.now(moment, this.machine.trueTime(moment))
  }
}

/** One commit under audit. */
export interface Audit extends Commit {
  readonly books: Books
  readonly now: Instant
  readonly report: (broken: Broken, words: () => string) => void
}

export type Report = (violation: Violation) => void

export const isRoot = (uid: number): boolean => uid === 0

/** Whether one process can know of another that it has ended. */
export const canSee = (looker: Process, other: Process): boolean =>
  looker.identity.pidNamespace === other.identity.pidNamespace

/** Whether the process that decides sees that the waiter is stopped, at the moment of its decision. */
export function isSeenStopped({ books, process, now }: Pick<Audit, 'books' | 'process' | 'now'>, id: string) {
  const waiter = books.waiting.get(id)?.process
  if (waiter === undefined || waiter.isFrozen || !canSee(process, waiter)) return false
  return waiter.stoppedSince <= now.at && (waiter.state === 'stopped' || waiter.awakeSince >= now.at)
}

export function near(a: number, b: number): boolean {
  return Math.abs(a - b) < 0.5
}

export { Violation }
