import type { PostAnswer } from '../../../src/ports/board.ts'
import type { Scheduler } from '../../scheduler.ts'
import type { Machine } from '../../system/machine.ts'
import type { BoardServer } from '../board-server.ts'

/** The true origin of what a host has published. */
export interface MadeNotice {
  readonly machine: Machine
  readonly epoch: string
  readonly boot: number
  /** When the host began and ended to read it, in true time. */
  readonly begun: number
  readonly ended: number
  /**
   * When the board received it: first; again after it had lost it, or its clock was set so that the last notice seemed
   * old; and again after a notice of another epoch, because it does not know which one is later. A failover may return to
   * each.
   */
  readonly receptions: number[]
}

/** Everything that was ever published, by the number in its text. */
export class Notices {
  readonly #scheduler: Scheduler
  readonly #made: MadeNotice[] = []
  /** When the board last took a notice of a host that has another epoch than the one before it. */
  readonly #foreignAt = new Map<Machine, number>()

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  made(machine: Machine, { epoch, begun }: Pick<MadeNotice, 'epoch' | 'begun'>): number {
    const ended = this.#scheduler.now
    return this.#made.push({ machine, epoch, boot: machine.boots, begun, ended, receptions: [] }) - 1
  }

  /** The board has taken this notice. */
  received(number: number, answer: PostAnswer, server: Pick<BoardServer, 'lostAt' | 'errorOfAge'>): void {
    const notice = this.#made[number]
    if (notice === undefined) return
    const last = notice.receptions.at(-1) ?? server.lostAt
    if (answer === 'foreign') this.#foreignAt.set(notice.machine, this.#scheduler.now)
    const isForgotten = last <= server.lostAt || this.isOrderLost(notice.machine, last)
    if (isForgotten || server.errorOfAge(last).long > 0) notice.receptions.push(this.#scheduler.now)
  }

  /** Whether the board took a notice of another epoch after this time: it no longer knows the order of those before. */
  isOrderLost(machine: Machine, since: number): boolean {
    return (this.#foreignAt.get(machine) ?? Number.NEGATIVE_INFINITY) > since
  }

  of(number: number): MadeNotice | undefined {
    return this.#made[number]
  }
}
