import { lostReservationLine } from '../app/supervise.ts'
import type { Liveness, Pool, ProcessIdentity, Reservation, RunTerm } from '../domain/pool/model.ts'
import { unitsOf } from '../domain/pool/units.ts'

export interface CommandsParts {
  /** The name of the file that is the process's standard error; null if it cannot be read. */
  readonly stderrOf: (process: ProcessIdentity) => string | null
  readonly alive: (process: ProcessIdentity) => Liveness
  /** Writes a line to the standard error of a command. */
  readonly tell: (run: Reservation<RunTerm>, stderr: string | null, line: string) => void
}

interface Command {
  /** Its standard error when its GPUs were granted. Null for a run of an earlier daemon. */
  readonly stderr: string | null
  /**
   * The connection of the client, which becomes the command when it closes the connection. Before that it can end its
   * reservation itself. Null for a command that runs.
   */
  readonly client: object | null
}

/** The commands of runs, and the messages to them. */
export class Commands {
  readonly #parts: CommandsParts
  /** By the id of the reservation. */
  readonly #commands = new Map<string, Command>()

  constructor(parts: CommandsParts) {
    this.#parts = parts
  }

  /** The daemon has just started, so all runs are of an earlier one. */
  adopt(pool: Pool): void {
    for (const { id } of pool.reservations) this.#commands.set(id, { stderr: null, client: null })
  }

  granted({ id, term }: Reservation, client: object): void {
    if (term.kind !== 'run') return
    this.#commands.set(id, { stderr: this.#parts.stderrOf(term.process), client })
  }

  /** The connection of this client has closed. */
  disconnected(client: object): void {
    for (const [id, command] of this.#commands) {
      if (command.client === client) this.#commands.set(id, { ...command, client: null })
    }
  }

  stderrOf(id: string): string | null {
    return this.#commands.get(id)?.stderr ?? null
  }

  /** Must be called after each commit. Tells a command that runs when it has lost its reservation. */
  follow(before: Pool | null, after: Pool): void {
    if (before === null || before.reservations === after.reservations) return
    for (const run of before.reservations) if (isRun(run)) this.#tellLoss(run, after)
    const left = new Set(after.reservations.map(({ id }) => id))
    for (const id of before.reservations.map((run) => run.id)) if (!left.has(id)) this.#commands.delete(id)
  }

  #tellLoss(run: Reservation<RunTerm>, after: Pool): void {
    const command = this.#commands.get(run.id)
    const held = after.reservations.find(({ id }) => id === run.id)
    const kept = held === undefined ? [] : unitsOf(held)
    const lost = unitsOf(run).filter((unit) => !kept.includes(unit))
    if (command?.client !== null || lost.length === 0) return
    if (this.#parts.alive(run.term.process) === 'gone') return
    this.#parts.tell(run, command.stderr, lostReservationLine(lost))
  }
}

const isRun = (reservation: Reservation): reservation is Reservation<RunTerm> =>
  reservation.term.kind === 'run'
