import { MemoryPlace } from '../../src/adapters/memory/memory-place.ts'
import { decodePool, encodePool } from '../../src/adapters/store/document/codec.ts'
import type { Moment, Pool, UsageRecord } from '../../src/domain/pool/model.ts'
import type * as store from '../../src/ports/store.ts'
import type { Chance } from '../chance.ts'
import type { Machine } from './machine.ts'
import type { Process } from './process.ts'

/** One committed decision, for the checker. */
export interface Commit {
  readonly machine: Machine
  readonly process: Process
  readonly before: Pool | null
  readonly after: Pool
  readonly ended: readonly UsageRecord[]
  readonly moment: Moment
}

export interface Auditor {
  committed(commit: Commit): void
  /** Called with the result of each read. */
  loaded(process: Process, pool: Pool, moment: Moment): void
}

/** A process that is woken when the pool may have changed. */
export interface Watcher {
  readonly process: Process
  /** The queue entry whose turn wakes it. */
  readonly entry?: string
  /** Whether every change wakes it, not only its turn. */
  isListening: boolean
  /** The wake-up that was sent and has not arrived. */
  due: 'nothing' | 'change' | 'turn'
  readonly wake: (by: 'change' | 'turn') => void
}

/** The current faults of a host's store, as probabilities per operation. */
export interface StoreFaults {
  /** The connection is lost before the operation. */
  readonly before: number
  /** The connection is lost after the commit, before the answer. */
  readonly after: number
  /** Another process commits first, so the decision is made again. */
  readonly conflict: number
}

export const NO_STORE_FAULTS: StoreFaults = { before: 0, after: 0, conflict: 0.02 }

/** The store of one host: pool, history and watchers. */
export class StoredPool {
  readonly place: MemoryPlace
  readonly watchers = new Set<Watcher>()
  faults: StoreFaults = NO_STORE_FAULTS
  faultyUntil = Number.NEGATIVE_INFINITY
  /** Whether commits compare and set the revision, as on a server. Otherwise they use a lock, as in a file. */
  readonly comparesAndSets: boolean
  readonly #chance: Chance
  readonly auditor: Auditor

  constructor(parts: { chance: Chance; auditor: Auditor }) {
    this.#chance = parts.chance
    this.auditor = parts.auditor
    this.comparesAndSets = parts.chance.is(0.3)
    this.place = new MemoryPlace(parts.chance.is(0.06) ? throughItsDocument : undefined)
  }

  get pool(): Pool | null {
    return this.place.pool
  }

  /** Whether there was anything to commit. */
  commit(process: Process, commit: store.Commit<unknown>, moment: Moment): boolean {
    const { pool: before } = this.place
    if (!this.place.commit(commit, moment)) return false
    const { machine } = process
    machine.trace.fold(this.place.revision)
    const after = this.place.pool ?? commit.pool
    this.auditor.committed({ machine, process, before, after, ended: commit.records, moment })
    return true
  }

  /** Wakes all watchers. */
  announce(machine: Machine): void {
    for (const watcher of this.watchers) this.#notify(machine, watcher)
  }

  /** Sends one wake-up for all changes until it arrives. Some waiters are woken although it is not their turn. */
  #notify(machine: Machine, watcher: Watcher): void {
    if (!watcher.process.isAlive) {
      this.watchers.delete(watcher)
      return
    }
    const { entry } = watcher
    const isTurn = entry !== undefined && (this.place.turns.includes(entry) || this.#chance.is(0.2))
    if (!isTurn && !watcher.isListening) return
    if (entry !== undefined) watcher.isListening = false
    const isDue = watcher.due !== 'nothing'
    if (isTurn) watcher.due = 'turn'
    else if (!isDue) watcher.due = 'change'
    if (isDue) return
    const delay = this.#chance.is(0.9) ? this.#chance.below(4) : this.#chance.spread(5, 300)
    machine.scheduler.after(delay, watcher.process, () => {
      const { due } = watcher
      watcher.due = 'nothing'
      watcher.wake(due === 'turn' ? 'turn' : 'change')
    })
  }
}

/** The pool after encoding and decoding, frozen. */
const throughItsDocument = (pool: Pool, moment: Moment): Pool =>
  deeplyFrozen(decodePool(encodePool(pool, moment)))

function deeplyFrozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value)
    for (const part of Object.values(value)) deeplyFrozen(part)
  }
  return value
}
