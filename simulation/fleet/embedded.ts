import { publishShortly, type ShortPublisher } from '../../src/app/fleet/short-publisher.ts'
import { CanhazgpuError } from '../../src/domain/errors.ts'
import { SNAPSHOT_PARTS } from '../../src/domain/fleet/snapshot.ts'
import type { Chance as Random } from '../chance.ts'
import { Chance } from '../chance.ts'
import type { Machine } from '../system/machine.ts'
import type { Process } from '../system/process.ts'
import { ROOT, type System } from '../system/system.ts'
import { BoardClient } from './board-client.ts'
import type { BoardServer } from './board-server.ts'
import type { Notices } from './check/notices.ts'
import { snapshotFor } from './publishing.ts'

/** Who publishes next, after a commit or as a sign of life; who tries again for long; who gives signs of life. */
type Turn = ShortPublisher['persistence'] | 'later' | 'signs'

interface Parts {
  readonly system: System
  readonly machine: Machine
  readonly server: BoardServer
  readonly notices: Notices
  readonly chance: Random
}

/** How long the network delays a notice. */
export const LONGEST_DELAY = 50_000

/** A host without a daemon: short processes publish it, as in `src/entries/publishing.ts` and `src/entries/publish.ts`. */
export class EmbeddedPublishing {
  readonly #parts: Parts
  readonly #turns = new Map<Turn, Process>()
  /** The last commit, also of a process that was killed before it could start a process that publishes. */
  #committedAt = Number.NEGATIVE_INFINITY
  /** Whether a notice of the boot before may still arrive after that of the last commit. */
  #isSoonAfterBoot = false
  #announcedAt = Number.NEGATIVE_INFINITY
  /** When a process that publishes was ended before its work was done. */
  #brokenAt = Number.NEGATIVE_INFINITY
  /** When the board last answered a notice. */
  #postedAt = Number.NEGATIVE_INFINITY

  constructor(parts: Parts) {
    this.#parts = parts
    const { system, machine } = parts
    machine.committed = () => {
      this.#announcedAt = machine.scheduler.now
      this.#start('until-posted')
    }
    machine.signOfLife = (supervisor) => {
      if (this.#take('signs', supervisor)) this.#start('once')
    }
    system.checker.onCommit.push((commit) => {
      if (commit.machine !== machine) return
      this.#committedAt = machine.scheduler.now
      this.#isSoonAfterBoot = machine.boots > 1 && machine.sinceBoot() < LONGEST_DELAY
    })
  }

  /**
   * Whether the board must have the last commit: nothing was killed or lost on the way that nothing would repeat. Notices
   * of two boots, and of processes that cannot read the boot id, have no order, so an earlier one may arrive last.
   */
  get isPublished(): boolean {
    const { system, server } = this.#parts
    return (
      !system.hidesBootIds &&
      !this.#isSoonAfterBoot &&
      this.#announcedAt >= this.#committedAt &&
      this.#brokenAt < this.#committedAt &&
      server.lostAt < this.#postedAt
    )
  }

  #start(persistence: ShortPublisher['persistence']): void {
    const { system, machine, chance } = this.#parts
    if (this.#isTaken(persistence)) return
    const launch = { account: ROOT, purpose: { kind: 'publish' }, chance: new Chance(chance.next()) } as const
    const process = system.launch(machine, launch, (self) => this.#publish(self, persistence))
    if (process === null) return
    this.#turns.set(persistence, process)
    process.onDeath.push(() => {
      if (process.diedUnfinished) this.#brokenAt = machine.scheduler.now
    })
    if (!chance.is(0.1)) return
    system.scheduler.after(chance.spread(1, 2_000), null, () => {
      if (!system.isFinalPhase) process.die()
    })
  }

  async #publish(process: Process, persistence: ShortPublisher['persistence']): Promise<void> {
    // It is not waited for at the end.
    process.role = 'daemon'
    const { machine, server } = this.#parts
    const board = new BoardClient(server, process, this.#parts.notices)
    await publishShortly({
      persistence,
      pause: process.sleep,
      post: () =>
        works(async () => {
          const snapshot = snapshotFor(process, this.#parts.notices)
          await board.post(await snapshot(SNAPSHOT_PARTS))
          this.#postedAt = machine.scheduler.now
        }),
      boardAnswers: () => works(() => board.emptyAgo()),
      turn: {
        give: () => this.#give(persistence, process),
        take: () => this.#take('until-posted', process),
        takeLong: () => this.#take('later', process),
      },
    })
  }

  #isTaken = (turn: Turn): boolean => this.#turns.get(turn)?.isAlive === true

  #take(turn: Turn, process: Process): boolean {
    if (this.#isTaken(turn)) return this.#turns.get(turn) === process
    this.#turns.set(turn, process)
    return true
  }

  #give(turn: Turn, process: Process): void {
    if (this.#turns.get(turn) === process) this.#turns.delete(turn)
  }
}

async function works(act: () => Promise<unknown>): Promise<boolean> {
  try {
    await act()
    return true
  } catch (error) {
    if (error instanceof CanhazgpuError) return false
    throw error
  }
}
