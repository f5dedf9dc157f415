import { CanhazgpuError } from '../../domain/errors.ts'
import type { HostName } from '../../domain/fleet/host-name.ts'
import { REPEATED_EVERY_MS, type Revision, type SnapshotPart } from '../../domain/fleet/snapshot.ts'
import type { Millis } from '../../domain/pool/model.ts'
import type { Board, Notice } from '../../ports/board.ts'

export interface PublisherParts {
  readonly board: Board
  readonly host: HostName
  /** The current state of this host. Throws `CanhazgpuError` if it cannot be read. */
  readonly snapshot: (parts: readonly SnapshotPart[]) => Promise<Pick<Notice, 'revision' | 'parts'>>
  /** Steady time. */
  readonly clock: () => Millis
  /** Resolves after this time, or when the signal aborts. */
  readonly pause: (ms: Millis, signal: AbortSignal) => Promise<void>
  /** Called when publishing begins to fail, and with null when it works again. */
  readonly onFailure: (failure: CanhazgpuError | null) => void
  /** Called once, if another host publishes under the same name. */
  readonly onNamesake: () => void
}

/** Commits that follow each other within this time are published together. */
const TOGETHER_MS: Millis = 200
/** While the board is out. It is complete again this soon after it answers again. */
const TRIED_AGAIN_MS: Millis = 5_000
/** Adding up the usage takes longer than everything else. After a change it is done this often, and otherwise rarely. */
const USAGE_AFTER_CHANGE_MS: Millis = 15_000
const USAGE_EVERY_MS: Millis = 5 * 60_000

/**
 * Publishes the state of this host after each change, and repeatedly without one, for as long as the process lives.
 * Nothing waits for it.
 */
export class Publisher {
  readonly #parts: PublisherParts
  #change = new AbortController()
  #usageAt: Millis = Number.NEGATIVE_INFINITY
  #usageOf: Revision | undefined
  #hasChanged = false
  #failed = false
  #posts = 0
  #foreign = 0

  constructor(parts: PublisherParts) {
    this.#parts = parts
  }

  /** The pool was changed. */
  changed(): void {
    this.#hasChanged = true
    this.#change.abort()
  }

  /** Resolves when the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { pause } = this.#parts
    while (!signal.aborted) {
      this.#change = new AbortController()
      await this.#publish()
      await pause(TOGETHER_MS, signal)
      const next = this.#failed ? TRIED_AGAIN_MS : REPEATED_EVERY_MS
      await pause(next - TOGETHER_MS, AbortSignal.any([signal, this.#change.signal]))
    }
  }

  async #publish(): Promise<void> {
    const { board, host, snapshot, clock, onFailure, onNamesake } = this.#parts
    try {
      const usageAge = clock() - this.#usageAt
      const withUsage = usageAge >= (this.#hasChanged ? USAGE_AFTER_CHANGE_MS : USAGE_EVERY_MS)
      if (withUsage) this.#hasChanged = false
      const notice = await snapshot(withUsage ? ['status', 'queue', 'usage'] : ['status', 'queue'])
      const usageOf = withUsage ? undefined : this.#usageOf
      const answer = await board.post({ host, ...notice, ...(usageOf === undefined ? {} : { usageOf }) })
      if (withUsage) {
        this.#usageAt = clock()
        this.#usageOf = notice.revision
      }
      // A board that lost its data has no usage of this host, or an earlier one.
      else if (answer === 'incomplete') this.#usageAt = Number.NEGATIVE_INFINITY
      this.#posts++
      // The first notice after a reboot replaces that of before.
      if (answer === 'foreign' && this.#posts > 1 && ++this.#foreign === 2) onNamesake()
      if (this.#failed) onFailure(null)
      this.#failed = false
    } catch (error) {
      if (!(error instanceof CanhazgpuError)) throw error
      // The commands that need the pool report its failure.
      if (error.code !== 'board-unavailable') return
      if (!this.#failed) onFailure(error)
      this.#failed = true
    }
  }
}
