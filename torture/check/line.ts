import { type Command, isLook, NEVER, shown, tookAt, waitedAt } from './command.ts'
import { by, type Violation } from './violation.ts'

/** A place in the JSON of `queue`. */
interface PlaceDocument {
  readonly position: number
  readonly note?: string
  readonly waiting_since: string
}

/** Whoever was in line stayed in line, in the same order, and newcomers came after them. */
export function checkLine(commands: readonly Command[]): readonly Violation[] {
  const line = new Line(commands)
  for (const look of commands) if (isLook(look, 'queue')) line.look(look)
  for (const command of commands) line.hear(command)
  return line.complaints.map(by('line'))
}

class Line {
  readonly complaints: string[] = []
  readonly #commands: ReadonlyMap<string, Command>
  /** By command: everyone who was seen behind it. */
  readonly #behind = new Map<string, Set<string>>()
  readonly #since = new Map<string, string>()

  constructor(commands: readonly Command[]) {
    this.#commands = new Map(commands.map((command) => [command.id, command]))
  }

  look(look: Command): void {
    const places = shown<PlaceDocument[]>(look) ?? []
    const what = `${look.id} (queue) at ${look.from.steady} showed`
    for (const [nth, place] of places.entries()) {
      const { note = '', position } = place
      const waiter = this.#commands.get(note)
      if (position !== nth + 1) this.complaints.push(`${what} position ${position} in place ${nth + 1}`)
      if (waiter === undefined) this.complaints.push(`${what} a place of nobody who was there (${note})`)
      else this.#stands(waiter, look, what)
    }
    const kept = places.filter((place) => this.#keptPlace(place, what))
    this.#compare(
      kept.map(({ note = '' }) => note),
      what,
    )
  }

  /** Who was out of time in the midst of an attempt may stand in line once more until it has noticed. */
  #keptPlace({ note = '', waiting_since }: PlaceDocument, what: string): boolean {
    const since = this.#since.get(note) ?? waiting_since
    this.#since.set(note, since)
    if (since === waiting_since) return true
    const patience = this.#commands.get(note)?.ask.patience ?? Number.POSITIVE_INFINITY
    if (Date.parse(waiting_since) - Date.parse(since) >= patience) return false
    this.complaints.push(`${what} ${note} waiting since ${waiting_since}, not ${since}`)
    return true
  }

  /** What a waiter is told of its place: nobody comes before it. */
  hear({ id, said }: Command): void {
    let last = Number.POSITIVE_INFINITY
    for (const { line, at } of said) {
      if (!line.startsWith('{"waiting"')) continue
      const { position } = JSON.parse(line).waiting
      if (position > last)
        this.complaints.push(`${id} fell back from position ${last} to ${position} at ${at.steady}`)
      last = position
    }
  }

  #stands(waiter: Command, look: Command, what: string): void {
    const gone = waiter.to
    const served = tookAt(waiter)?.at ?? NEVER
    if (gone.steady < look.from.steady) this.complaints.push(`${what} ${waiter.id}, gone at ${gone.steady}`)
    if (served.steady < look.from.steady)
      this.complaints.push(`${what} ${waiter.id}, served at ${served.steady}`)
  }

  #compare(ids: readonly string[], what: string): void {
    for (const [nth, first] of ids.entries()) {
      const behind = this.#behind.get(first) ?? new Set()
      this.#behind.set(first, behind)
      for (const second of ids.slice(nth + 1)) {
        behind.add(second)
        if (this.#behind.get(second)?.has(first))
          this.complaints.push(`${what} ${first} before ${second}, not as before`)
        const waited = waitedAt(this.#commands.get(second) ?? NOBODY)
        const came = this.#commands.get(first)?.from
        if (waited !== undefined && came !== undefined && waited.steady < came.steady) {
          this.complaints.push(
            `${what} ${first}, which came at ${came.steady}, before ${second}, in line since ${waited.steady}`,
          )
        }
      }
    }
  }
}
const NOBODY: Pick<Command, 'said'> = { said: [] }
