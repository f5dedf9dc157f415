import { LeakyCounts } from '../domain/leaky-counts.ts'
import type { Booking, Millis, Reservation } from '../domain/pool/model.ts'

/** The most bytes of records that an account may cause: this many at once, and then at this rate. */
const MOST_AT_ONCE = 2_000_000
const MOST_PER_MS = 0.5
/** A record without note and name, with its part of the indexes. */
const RECORD_BYTES = 100

/** Slows down an account that would fill the disk with usage records, for example by `run -- true` in a loop. */
export class RecordRates {
  readonly #bytes = new LeakyCounts(MOST_PER_MS)
  readonly #clock: () => Millis

  /** `clock`: steady time. */
  constructor(clock: () => Millis) {
    this.#clock = clock
  }

  /** When it ends, there is a record for each of its GPUs. */
  granted(uid: number, { holdings, owner, note = '' }: Reservation | Booking): void {
    const bytes = RECORD_BYTES + Buffer.byteLength(owner.shownName) + Buffer.byteLength(note)
    this.#bytes.add(uid, holdings.length * bytes, this.#clock())
  }

  /** How long the next request for GPUs of this account must wait. */
  delayOf(uid: number): Millis {
    return Math.max(0, (this.#bytes.of(uid, this.#clock()) - MOST_AT_ONCE) / MOST_PER_MS)
  }
}
