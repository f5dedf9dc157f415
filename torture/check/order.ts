import { type Command, isStoppedAt, waitedAt, wasStopped } from './command.ts'
import type { HistoryRow } from './evidence.ts'
import { firstAtOrAfter } from './search.ts'
import { by, type Violation } from './violation.ts'

/** Who could be served for so long and does not come is passed over: so it is documented. */
const PASSED_OVER_AFTER_MS = 10_000

/** A command that was served, and when by the store's own clock. */
interface Served {
  readonly command: Command
  readonly gpus: readonly number[]
  readonly startedAt: number
}

export interface OrderCheck {
  readonly violations: readonly Violation[]
  /** How many times somebody came who could have overtaken one who waited. */
  readonly chances: number
}

/**
 * First come, first served: who comes while another stands in line is not served before it, unless that one is stopped
 * just then. Three exceptions delay nobody, and are left to the simulation where they cannot be told from an overtaking by the logs:
 * - who declares an end may go before where it is over in time. So only those count who declare none, or the
 *   longest of all, and nobody is judged while one who declares an end may stand before it;
 * - who wants other GPUs may go before;
 * - what is left over may be had while all that the other one gets lies there for it.
 */
export function checkOrder(commands: readonly Command[], history: readonly HistoryRow[]): OrderCheck {
  const order = new Order(commands, history)
  const firsts = commands
    .filter(({ ask }) => 'patience' in ask && ask.holds === undefined)
    .flatMap(servedOf)
    .filter(isInTime)
  return {
    violations: firsts.flatMap((first) => order.overtakersOf(first)).map(by('line')),
    chances: firsts.reduce((total, first) => total + order.chancesWith(first), 0),
  }
}

class Order {
  readonly #rows: ReadonlyMap<number, readonly HistoryRow[]>
  readonly #waiters: readonly Command[]
  /** Who could overtake, in the order in which they came. */
  readonly #newcomers: readonly Command[]
  /** Those of them who were served, in that order. */
  readonly #served: readonly Served[]

  constructor(commands: readonly Command[], history: readonly HistoryRow[]) {
    const longest = longestHold(commands)
    const starts = Map.groupBy(history, (row) => row.started_at)
    this.#rows = Map.groupBy(history, ({ gpu }) => gpu)
    this.#waiters = commands.filter(({ ask }) => 'patience' in ask)
    this.#newcomers = commands
      .filter(({ ask }) => ask.verb === 'run' || ask.verb === 'reserve')
      .filter(({ ask }) => ask.holds === undefined || ask.holds === longest)
    this.#served = this.#newcomers
      .flatMap(servedOf)
      // Two who hold equally long and start in one instant end in one instant: then one may go before.
      .filter(({ command, startedAt }) => command.ask.holds === undefined || isAlone(starts.get(startedAt)))
      .sort((a, b) => a.startedAt - b.startedAt)
  }

  overtakersOf(first: Served): readonly string[] {
    const since = waitedAt(first.command)
    if (since === undefined) return []
    const start = firstAtOrAfter(this.#served, since.wall, ({ startedAt }) => startedAt)
    const end = firstAtOrAfter(this.#served, first.startedAt, ({ startedAt }) => startedAt)
    return this.#served
      .slice(start, end)
      .filter(({ command }) => command.from.steady > since.steady)
      .filter((second) => this.#overtook(second, first) && !this.#isExcused(second, first))
      .map(
        (second) =>
          `${second.command.id} came at ${second.command.from.steady} and got GPU ${second.gpus} at ${second.startedAt}; ` +
          `${first.command.id}, in line since ${since.steady}, got GPU ${first.gpus} later, at ${first.startedAt}`,
      )
  }

  chancesWith({ command, startedAt }: Served): number {
    const since = waitedAt(command)
    if (since === undefined || wasStopped(command)) return 0
    const at = (wall: number) => firstAtOrAfter(this.#newcomers, wall, ({ from }) => from.wall)
    return Math.max(0, at(startedAt) - at(since.wall))
  }

  #overtook(second: Served, first: Served): boolean {
    const { gpus } = first.command.ask
    const wants = (gpu: number) => !Array.isArray(gpus) || gpus.includes(gpu)
    if (!second.gpus.some(wants)) return false
    return first.gpus.some((gpu) =>
      this.#rows.get(gpu)?.some((row) => row.started_at < first.startedAt && row.ended_at > second.startedAt),
    )
  }

  /** Somebody who was in line may have been passed over, or have declared an end. */
  #isExcused(second: Served, first: Served): boolean {
    const mayBePassedOver = ({ from }: Command) => second.startedAt - from.wall >= PASSED_OVER_AFTER_MS
    const since = waitedAt(first.command)?.steady ?? 0
    if (mayBePassedOver(first.command) || isStoppedAt(first.command, second.startedAt)) return true
    return this.#waiters.some(
      (other) =>
        other !== first.command &&
        other.from.steady < since &&
        mayStandInLine(other, second.startedAt) &&
        (other.ask.holds !== undefined || wasStopped(other) || mayBePassedOver(other)),
    )
  }
}

const longestHold = (commands: readonly Command[]): number =>
  commands.reduce((longest, { ask }) => Math.max(longest, ask.holds ?? 0), 0)

const isAlone = (rows: readonly HistoryRow[] | undefined): boolean =>
  new Set(rows?.map(({ reservation }) => reservation)).size === 1

/** Whose time was over may have lost its place, and been served as a newcomer. */
const isInTime = ({ command: { ask, from }, startedAt }: Served): boolean =>
  startedAt < from.wall + (ask.patience ?? Number.POSITIVE_INFINITY)

function mayStandInLine({ rows, to }: Command, at: number): boolean {
  const [row] = rows
  return row === undefined ? to.wall >= at : row.started_at > at
}

function servedOf(command: Command): readonly Served[] {
  const [row] = command.rows
  if (row === undefined) return []
  return [{ command, gpus: command.rows.map(({ gpu }) => gpu).sort(), startedAt: row.started_at }]
}
