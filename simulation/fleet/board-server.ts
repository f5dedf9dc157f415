import { MemoryBoard, type SavedBoard } from '../../src/adapters/memory/memory-board.ts'
import type { SnapshotPart } from '../../src/domain/fleet/snapshot.ts'
import type { Board } from '../../src/ports/board.ts'
import type { Chance } from '../chance.ts'
import type { Scheduler } from '../scheduler.ts'
import { BoardClock, type ErrorOfAge, type SavedClock } from './board-clock.ts'

/** `refusing`: it refuses every command; `read-only`: those that write, as a replica, or a server that is full. */
export type BoardState = 'working' | 'hung' | 'down' | 'refusing' | 'read-only' | 'lossy'

/** What the server answers to one command. */
export type Reply<Answer> = { readonly answer: Answer } | 'refused'

/** How long the network may keep a command that it repeats or delays: less than the time for which notices are ordered. */
const LATEST = 45_000

/** The server of the board: the board in memory behind a network and a process that fail. */
export class BoardServer {
  readonly #scheduler: Scheduler
  readonly #chance: Chance
  readonly #board: MemoryBoard
  readonly #waiting: (() => void)[] = []
  #saved: { readonly board: SavedBoard; readonly clock: SavedClock }
  readonly #clock: BoardClock
  #state: BoardState = 'working'
  /** When it last lost data: what was shown before may be gone. */
  lostAt = Number.NEGATIVE_INFINITY

  constructor(scheduler: Scheduler, chance: Chance) {
    this.#scheduler = scheduler
    this.#chance = chance
    this.#clock = new BoardClock(scheduler, chance.between(0, 1_000_000))
    this.#board = new MemoryBoard(() => this.#clock.shown)
    this.#saved = this.#everything()
  }

  get state(): BoardState {
    return this.#state
  }

  become(state: BoardState): void {
    this.#state = state
    // A server that continues performs the commands that its socket has received, also those of clients that have left.
    if (state !== 'hung') for (const perform of this.#waiting.splice(0)) perform()
  }

  wipe(): void {
    this.#board.wipe()
    this.lostAt = this.#scheduler.now
  }

  /** Its clock is set, or another server with another clock takes over. */
  setClock(by: number): void {
    this.#clock.set(by)
  }

  /** It has taken a notice. */
  hasTaken(): void {
    this.#clock.taken()
  }

  /** By how much the age of a notice that it received at this time may be wrong. */
  errorOfAge(received: number): ErrorOfAge {
    return this.#clock.errorSince(received)
  }

  #everything() {
    return { board: this.#board.saved(), clock: this.#clock.saved() }
  }

  /** What it has now, for the check. */
  now(part: SnapshotPart): ReturnType<Board['read']> {
    return this.#board.read(part)
  }

  /** From now on `failOver` returns to what it has now. */
  save(): void {
    this.#saved = this.#everything()
  }

  /** A replica takes over that has not received the last writes. */
  failOver(): void {
    this.#board.restore(this.#saved.board)
    this.#clock.restore(this.#saved.clock)
    this.lostAt = this.#scheduler.now
  }

  /**
   * Sends a command; calls back when the answer arrives, and never if it is lost. The command may be performed although
   * its answer is lost, twice, or long after its client has left.
   */
  send<Answer>(
    writes: boolean,
    command: (board: Board) => Promise<Answer>,
    onReply: (reply: Reply<Answer>) => void,
  ): void {
    const perform = () => {
      if (this.#state === 'hung') this.#waiting.push(perform)
      else void this.#perform(writes, command, onReply)
    }
    const isLossy = this.#state === 'lossy'
    if (this.#state === 'down' || (isLossy && this.#chance.is(0.3))) return
    this.#later(perform, isLossy)
    if (isLossy && writes && this.#chance.is(0.4)) {
      this.#scheduler.after(this.#chance.spread(300, LATEST), null, perform)
    }
  }

  #later(act: () => void, isLossy: boolean): void {
    const delay = isLossy && this.#chance.is(0.3) ? this.#chance.spread(1, LATEST) : this.#chance.below(10)
    this.#scheduler.after(delay, null, act)
  }

  async #perform<Answer>(
    writes: boolean,
    command: (board: Board) => Promise<Answer>,
    onReply: (reply: Reply<Answer>) => void,
  ): Promise<void> {
    if (this.#state === 'down') return
    const isRefused = this.#state === 'refusing' || (writes && this.#state === 'read-only')
    const reply = isRefused ? 'refused' : { answer: await command(this.#board) }
    if (this.#state === 'lossy' && this.#chance.is(0.3)) return
    this.#later(() => onReply(reply), this.#state === 'lossy')
  }
}
