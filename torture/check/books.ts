import { type Command, gpusOf, isLook, lastAlive, reserved, tookAt, wasKilled } from './command.ts'
import type { HistoryRow } from './evidence.ts'
import { isReleasedBy } from './looks.ts'
import { firstAtOrAfter } from './search.ts'
import { by, type Violation } from './violation.ts'

/**
 * The history tells what was: one row for each GPU of each grant that the logs know of, none besides, and each
 * with its true holder, beginning, end and outcome. A command that was killed may have been granted something
 * before it could tell.
 */
export function checkBooks(
  commands: readonly Command[],
  history: readonly HistoryRow[],
  drift: number,
): readonly Violation[] {
  const books = new Books(commands, history, drift)
  const known = new Set(commands.map(({ id }) => id))
  const strangers = history.filter(({ note }) => !known.has(note ?? ''))
  return [
    ...strangers.map((row) => `the history has ${JSON.stringify(row)}, which nobody asked for`),
    ...commands.flatMap((command) => [
      ...books.granted(command),
      ...command.rows.flatMap((row) => books.row(command, row)),
      ...books.released(command),
    ]),
  ].map(by('books'))
}

class Books {
  readonly #drift: number
  /** In the order in which they began. */
  readonly #looks: readonly Command[]
  readonly #releases: readonly Command[]
  readonly #rowsReleased: readonly HistoryRow[]
  /** When transactions that granted something began, sorted. */
  readonly #commits: readonly number[]

  constructor(commands: readonly Command[], history: readonly HistoryRow[], drift: number) {
    this.#drift = drift
    this.#commits = history.map((row) => row.started_at).sort((a, b) => a - b)
    this.#looks = commands.filter((each) => isLook(each, 'status') && each.end?.status === 0)
    this.#releases = commands.filter(({ ask }) => ask.verb === 'release')
    this.#rowsReleased = history.filter(({ outcome }) => outcome === 'released')
  }

  /** As many rows as GPUs were granted, for exactly those. */
  granted(command: Command): readonly string[] {
    const { id, rows, ask } = command
    const [took, grant] = [tookAt(command), reserved(command)]
    const reservation = took?.reservation ?? grant?.reservation
    const gpus = grant?.gpus ?? (took === undefined ? undefined : gpusOf(took))
    if (gpus === undefined) {
      const size = typeof ask.gpus === 'number' ? ask.gpus : (ask.gpus?.length ?? 0)
      if (rows.length === 0 || (wasKilled(command) && rows.length === size && isOne(rows))) return []
      return [`the history has ${rows.length} GPUs for ${id}, which was granted none`]
    }
    const recorded = rows.map(({ gpu }) => gpu).sort((a, b) => a - b)
    if (String(recorded) === String(gpus) && rows.every((row) => row.reservation === reservation)) return []
    return [`${id} had GPU ${gpus} as ${reservation}, the history has ${told(rows)}`]
  }

  row(command: Command, row: HistoryRow): readonly string[] {
    const { id, ask } = command
    const kind = ask.verb === 'run' ? 'run' : 'manual'
    const grant = reserved(command)
    const wrong: string[] = []
    if (row.uid !== ask.uid || row.user !== ask.user || row.kind !== kind)
      wrong.push(`not of ${ask.user} by ${kind}`)
    if (grant !== undefined && Date.parse(grant.started_at) !== row.started_at)
      wrong.push(`not from ${grant.started_at}`)
    const began = tookAt(command)?.at ?? command.to
    if (!this.#isWithin(row.started_at, command.from.wall, began.wall)) {
      wrong.push(`not begun between ${command.from.wall} and ${began.wall}`)
    }
    wrong.push(...(kind === 'run' ? this.#endOfRun(command, row) : this.#endByHand(command, row)))
    return wrong.map((why) => `the history of ${id} is wrong, ${why}: ${JSON.stringify(row)}`)
  }

  /** What a release told stands in the history, and what stands there was released by somebody. */
  released(command: Command): readonly string[] {
    const { id, ask, end, from, to } = command
    if (ask.verb !== 'release' || end?.status !== 0) return []
    const { released }: { released: readonly number[] } = JSON.parse(end.stdout)
    const own = this.#rowsReleased.filter(
      (row) => row.uid === ask.uid && this.#isWithin(row.ended_at, from.wall, to.wall),
    )
    return released
      .filter((gpu) => !own.some((row) => row.gpu === gpu))
      .map((gpu) => `${id} released GPU ${gpu} at ${from.wall}, which the history does not know`)
  }

  /** Over at the latest with the first look that began when it was gone; and no earlier than it was. */
  #endOfRun(command: Command, row: HistoryRow): readonly string[] {
    const outcomes = command.ask.holds === undefined ? ['exited'] : ['exited', 'timed-out']
    const alive = lastAlive(command) ?? command.from
    const noticed = this.#looks.find(({ from }) => from.steady > command.to.steady)?.to.wall
    const meanwhile = this.#commitBetween(row.ended_at, alive.wall)
    return [
      ...(outcomes.includes(row.outcome) ? [] : [`not ${outcomes.join(' or ')}`]),
      ...(noticed === undefined || row.ended_at <= noticed + this.#drift
        ? []
        : [`ended later than ${noticed}`]),
      ...(meanwhile === undefined ? [] : [`ended before ${meanwhile}, and alive at ${alive.wall}`]),
    ]
  }

  /**
   * A transaction stamps what it ends when it begins, and looks for the process a little later, so the stamp may be
   * earlier than the end. But transactions come one after the other: where another one began after the stamp,
   * the look was over by then.
   */
  #commitBetween(stamp: number, alive: number): number | undefined {
    const next = this.#commits[firstAtOrAfter(this.#commits, stamp + this.#drift + 1, (at) => at)]
    return next !== undefined && next + this.#drift < alive ? next : undefined
  }

  #endByHand(command: Command, row: HistoryRow): readonly string[] {
    const expiry = row.started_at + (command.ask.holds ?? 0)
    const inTime = this.#releases.find(
      (each) =>
        each.end?.status === 0 && isReleasedBy(each, command, row.gpu) && each.to.wall + this.#drift < expiry,
    )
    switch (row.outcome) {
      case 'expired':
        if (inTime !== undefined) return [`not expired: it was released by ${inTime.id} at ${inTime.to.wall}`]
        return row.ended_at === expiry ? [] : [`not expired at ${expiry}`]
      case 'released': {
        if (inTime !== undefined && row.ended_at > inTime.to.wall + this.#drift) {
          return [`not released as late as that, but by ${inTime.id} at ${inTime.to.wall}`]
        }
        const releases = this.#releases.filter(({ ask }) => ask.uid === row.uid)
        const cause = releases.find(({ from, to }) => this.#isWithin(row.ended_at, from.wall, to.wall))
        return cause === undefined ? ['not released by anybody'] : []
      }
      default:
        return ['not expired or released']
    }
  }

  #isWithin(time: number, from: number, to: number): boolean {
    return from - this.#drift <= time && time <= to + this.#drift
  }
}

const isOne = (rows: readonly HistoryRow[]): boolean =>
  new Set(rows.map(({ reservation }) => reservation)).size === 1

const told = (rows: readonly HistoryRow[]): string =>
  rows.length === 0
    ? 'nothing'
    : rows.map(({ gpu, reservation }) => `GPU ${gpu} as ${reservation}`).join(', ')
