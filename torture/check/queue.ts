import { type Command, isRead, jobStart, NEVER, shown, waitedAt } from './command.ts'
import { by, type Violation } from './violation.ts'

/** An entry in the JSON of `queue`. */
interface PlaceDocument {
  readonly position: number
  readonly note?: string
  readonly waiting_since: string
}

/** Waiters stay in the queue, in the same order, and newcomers are behind them. */
export function checkQueue(commands: readonly Command[]): readonly Violation[] {
  const check = new QueueCheck(commands)
  for (const read of commands) if (isRead(read, 'queue')) check.read(read)
  for (const command of commands) check.checkPositions(command)
  return check.violations.map(by('queue'))
}

class QueueCheck {
  readonly violations: string[] = []
  readonly #commands: ReadonlyMap<string, Command>
  /** By command: all commands that a read showed behind it. */
  readonly #behind = new Map<string, Set<string>>()
  /** By command: the earliest time since which a read showed it waiting. */
  readonly #since = new Map<string, string>()

  constructor(commands: readonly Command[]) {
    this.#commands = new Map(commands.map((command) => [command.id, command]))
    // Of two reads at the same time, either may have seen the earlier queue.
    const places = commands.filter((each) => isRead(each, 'queue')).flatMap(placesIn)
    for (const { note = '', waiting_since } of places) {
      const since = this.#since.get(note)
      if (since === undefined || waiting_since < since) this.#since.set(note, waiting_since)
    }
  }

  read(read: Command): void {
    const places = placesIn(read)
    const what = `${read.id} (queue) at ${read.from.steady} showed`
    for (const [nth, place] of places.entries()) {
      const { note = '', position } = place
      const waiter = this.#commands.get(note)
      if (position !== nth + 1) this.violations.push(`${what} position ${position} in place ${nth + 1}`)
      if (waiter === undefined) this.violations.push(`${what} an entry of an unknown command (${note})`)
      else this.#checkWaiter(waiter, read, what)
    }
    const kept = places.filter((place) => this.#keptPlace(place, what))
    this.#compare(
      kept.map(({ note = '' }) => note),
      what,
    )
  }

  /**
   * A waiter whose time limit passes during an attempt may join the queue once more before it notices. The limit counts
   * from the start of the command.
   */
  #keptPlace({ note = '', waiting_since }: PlaceDocument, what: string): boolean {
    const since = this.#since.get(note)
    if (since === waiting_since) return true
    const { request, from } = this.#commands.get(note) ?? {}
    const waitLimit = request?.waitLimit ?? Number.POSITIVE_INFINITY
    if (Date.parse(waiting_since) - (from?.wall ?? 0) >= waitLimit) return false
    this.violations.push(`${what} ${note} waiting since ${waiting_since}, not ${since}`)
    return true
  }

  /** The position that a waiter prints never grows before its time limit. */
  checkPositions({ id, printed, request, from }: Command): void {
    const limit = from.wall + (request.waitLimit ?? Number.POSITIVE_INFINITY)
    let last = Number.POSITIVE_INFINITY
    for (const { line, at } of printed) {
      if (!line.startsWith('{"waiting"')) continue
      const { position } = JSON.parse(line).waiting
      if (position > last && at.wall < limit)
        this.violations.push(`${id} fell back from position ${last} to ${position} at ${at.steady}`)
      last = position
    }
  }

  #checkWaiter(waiter: Command, read: Command, what: string): void {
    const gone = waiter.to
    const served = jobStart(waiter)?.at ?? NEVER
    if (gone.steady < read.from.steady) this.violations.push(`${what} ${waiter.id}, gone at ${gone.steady}`)
    if (served.steady < read.from.steady)
      this.violations.push(`${what} ${waiter.id}, served at ${served.steady}`)
  }

  #compare(ids: readonly string[], what: string): void {
    for (const [nth, first] of ids.entries()) {
      const behind = this.#behind.get(first) ?? new Set()
      this.#behind.set(first, behind)
      for (const second of ids.slice(nth + 1)) {
        behind.add(second)
        if (this.#behind.get(second)?.has(first))
          this.violations.push(`${what} ${first} before ${second}; an earlier read showed the opposite`)
        const waited = waitedAt(this.#commands.get(second) ?? NO_COMMAND)
        const started = this.#commands.get(first)?.from
        if (waited !== undefined && started !== undefined && waited.steady < started.steady) {
          this.violations.push(
            `${what} ${first}, which started at ${started.steady}, before ${second}, in the queue since ${waited.steady}`,
          )
        }
      }
    }
  }
}

const placesIn = (read: Command): readonly PlaceDocument[] => shown<PlaceDocument[]>(read) ?? []

const NO_COMMAND: Pick<Command, 'printed'> = { printed: [] }
