import type { CommandRequest, Log } from './log.ts'
import { releaseRequest } from './requests.ts'
import { RunningCommand } from './running-command.ts'
import type { Setup } from './setup.ts'

/** Commands count as stuck when no `run` or `reserve` has ended for this time. Each takes far less. */
const STUCK_AFTER_MS = 60_000
const POLL_EVERY_MS = 5
/** The usual duration until the first commands have ended. */
const USUAL_AT_FIRST_MS = 20
const MOST_USUAL_MS = 200

/** Starts the commands of a round, and knows those that have not ended. */
export class LiveCommands {
  readonly #setup: Setup
  readonly #log: Log
  readonly #live = new Set<RunningCommand>()
  #started = 0
  /** When the last `run` or `reserve` ended. */
  #lastEnd = performance.now()
  #usual = USUAL_AT_FIRST_MS

  constructor(setup: Setup, log: Log) {
    this.#setup = setup
    this.#log = log
  }

  get all(): readonly RunningCommand[] {
    return [...this.#live]
  }

  /** The usual duration of a command that does not wait, ms. */
  get usual(): number {
    return this.#usual
  }

  get areStuck(): boolean {
    return this.#live.size > 0 && performance.now() - this.#lastEnd > STUCK_AFTER_MS
  }

  start(requestOf: (command: string) => CommandRequest): RunningCommand {
    const command = `c${++this.#started}`
    const request = requestOf(command)
    const { users, administrator } = this.#setup
    const user = users.find(({ uid }) => uid === request.uid) ?? administrator
    const begun = performance.now()
    const started = new RunningCommand(this.#log, { command, request, user })
    this.#live.add(started)
    void started.ended.then(() => {
      this.#live.delete(started)
      if (request.verb === 'run' || request.verb === 'reserve') this.#lastEnd = performance.now()
      // A longer one waited for a daemon.
      const duration = Math.min(performance.now() - begun, MOST_USUAL_MS)
      if (request.verb === 'status') this.#usual += (duration - this.#usual) / 10
    })
    return started
  }

  /**
   * Waits until at most `count` commands run. Meanwhile it releases manual reservations after every `patience` ms: no
   * other command would release the GPUs of a `reserve` that was killed.
   */
  async waitForRoom(count: number, patience: number): Promise<void> {
    while (this.#live.size > count && !this.areStuck) {
      const deadline = performance.now() + patience
      while (this.#live.size > count && performance.now() < deadline) await Bun.sleep(POLL_EVERY_MS)
      if (this.#live.size > count) await this.releaseAll()
    }
  }

  async releaseAll(): Promise<void> {
    const releases = this.#setup.users.map((user) => this.start(() => releaseRequest(user, null)))
    await Promise.all(releases.map(({ ended }) => ended))
  }

  /** Repeats an administrator's command until it succeeds: the daemon may have been away. */
  async insist(requestOf: () => CommandRequest): Promise<void> {
    for (;;) {
      const command = this.start(requestOf)
      await command.ended
      if (command.status === 0 || this.areStuck) return
    }
  }
}
