import { boardUnavailable } from '../../src/domain/fleet/fleet-errors.ts'
import type { SnapshotPart } from '../../src/domain/fleet/snapshot.ts'
import type { Board, Notice, PostAnswer, Posted } from '../../src/ports/board.ts'
import { Violation } from '../check/violation.ts'
import type { Process } from '../system/process.ts'
import type { Purpose } from '../system/purpose.ts'
import type { BoardServer, Reply } from './board-server.ts'
import type { Notices } from './check/notices.ts'
import { stampOf } from './stamp.ts'

/** As in `src/entries/board.ts`. */
export const DEADLINE = 3_000
const REST = 4_000

/** No other process may depend on the board. */
const USERS: readonly Purpose['kind'][] = ['publish', 'look']

/** The board as one process reaches it: as `src/adapters/board/connection.ts`, every command has a deadline. */
export class BoardClient implements Board {
  readonly #server: BoardServer
  readonly #process: Process
  readonly #notices: Notices | null
  #restsUntil = Number.NEGATIVE_INFINITY

  /** `notices`: for a process that publishes. */
  constructor(server: BoardServer, process: Process, notices: Notices | null = null) {
    this.#server = server
    this.#process = process
    this.#notices = notices
  }

  post(notice: Notice): Promise<PostAnswer> {
    return this.#send(true, async (board) => {
      const answer = await board.post(notice)
      if (answer === 'older') return answer
      this.#notices?.received(stampOf(notice.parts.status ?? ''), answer, this.#server)
      this.#server.hasTaken()
      return answer
    })
  }

  read(part: SnapshotPart, host?: string): Promise<readonly Posted[]> {
    return this.#send(false, (board) => board.read(part, host))
  }

  emptyAgo(): Promise<number | undefined> {
    return this.#send(false, (board) => board.emptyAgo())
  }

  close(): void {}

  async #send<Answer>(writes: boolean, command: (board: Board) => Promise<Answer>): Promise<Answer> {
    const { machine, purpose, name } = this.#process
    const { scheduler } = machine
    if (!USERS.includes(purpose.kind))
      throw new Violation('board', `${purpose.kind} of ${name} uses the board`)
    if (this.#process.moment().steady.ms < this.#restsUntil) throw unavailable('it did not answer before')
    const reply = await new Promise<Reply<Answer> | 'late'>((resolve) => {
      const timer = scheduler.after(DEADLINE, this.#process, () => resolve('late'))
      this.#server.send(writes, command, (answer) => {
        scheduler.after(0, this.#process, () => {
          timer.cancelled = true
          resolve(answer)
        })
      })
    })
    if (reply === 'refused') throw unavailable('it refuses the command')
    if (reply !== 'late') return reply.answer
    this.#restsUntil = this.#process.moment().steady.ms + REST
    throw unavailable('no answer')
  }
}

const unavailable = (why: string) => boardUnavailable('board.example.org', why)
