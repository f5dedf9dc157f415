import { type Command, isStoppedAt, waitedAt, wasStopped } from './command.ts'
import type { HistoryRow } from './evidence.ts'
import { firstAtOrAfter } from './search.ts'
import { by, type Violation } from './violation.ts'

/** A waiter that could start but does not for this time counts as unresponsive, as documented. */
const UNRESPONSIVE_AFTER_MS = 10_000

/** A command with a grant, and the time of the grant by the clock of the store. */
interface Served {
  readonly command: Command
  readonly gpus: readonly number[]
  readonly startedAt: number
}

export interface OrderCheck {
  readonly violations: readonly Violation[]
  /** How often a command started that could have overtaken a waiter. */
  readonly chances: number
}

/**
 * First come, first served: a command that starts while a waiter is in the queue gets no GPU before the waiter does,
 * unless the waiter is stopped at that time. There are three exceptions, which delay no waiter. The simulation checks
 * them if the logs cannot distinguish them from overtaking.
 * - A command that declares an end may start first if it ends in time. So only commands that declare no end, or the
 *   longest duration of all, count as overtaking. A waiter is not checked while a command with a declared end may be
 *   ahead of it.
 * - A command that needs other GPUs may start first.
 * - A command may use the remaining GPUs while all GPUs that the waiter will get are free, or enough for all waiters.
 *   Without a daemon to grant them, waiters cannot use them at once.
 */
export function checkOrder(
  commands: readonly Command[],
  history: readonly HistoryRow[],
  gpus: number,
): OrderCheck {
  const order = new Order(commands, history, gpus)
  const firsts = commands
    .filter(({ request }) => 'waitLimit' in request && request.holdLimit === undefined)
    .flatMap(servedOf)
    .filter(isInTime)
  return {
    violations: firsts.flatMap((first) => order.overtakersOf(first)).map(by('queue')),
    chances: firsts.reduce((total, first) => total + order.chancesWith(first), 0),
  }
}

class Order {
  readonly #gpus: number
  readonly #rows: ReadonlyMap<number, readonly HistoryRow[]>
  readonly #waiters: readonly Command[]
  /** Commands that could overtake a waiter, in the order of their starts. */
  readonly #newcomers: readonly Command[]
  /** The newcomers with a grant, in the order of the grants. */
  readonly #served: readonly Served[]

  constructor(commands: readonly Command[], history: readonly HistoryRow[], gpus: number) {
    this.#gpus = gpus
    const longest = longestHold(commands)
    const starts = Map.groupBy(history, (row) => row.started_at)
    this.#rows = Map.groupBy(history, ({ gpu }) => gpu)
    this.#waiters = commands.filter(({ request }) => 'waitLimit' in request)
    this.#newcomers = commands
      .filter(({ request }) => request.verb === 'run' || request.verb === 'reserve')
      .filter(({ request }) => request.holdLimit === undefined || request.holdLimit === longest)
    this.#served = this.#newcomers
      .flatMap(servedOf)
      // Two commands with the same start and the same duration end together, so either may be first.
      .filter(
        ({ command, startedAt }) => command.request.holdLimit === undefined || isAlone(starts.get(startedAt)),
      )
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
          `${second.command.id} started at ${second.command.from.steady} and got GPU ${second.gpus} at ${second.startedAt}; ` +
          `${first.command.id}, in the queue since ${since.steady}, got GPU ${first.gpus} later, at ${first.startedAt}`,
      )
  }

  chancesWith({ command, startedAt }: Served): number {
    const since = waitedAt(command)
    if (since === undefined || wasStopped(command)) return 0
    const at = (wall: number) => firstAtOrAfter(this.#newcomers, wall, ({ from }) => from.wall)
    return Math.max(0, at(startedAt) - at(since.wall))
  }

  #overtook(second: Served, first: Served): boolean {
    const { gpus } = first.command.request
    const wants = (gpu: number) => !Array.isArray(gpus) || gpus.includes(gpu)
    if (!second.gpus.some(wants)) return false
    return first.gpus.some((gpu) =>
      this.#rows.get(gpu)?.some((row) => row.started_at < first.startedAt && row.ended_at > second.startedAt),
    )
  }

  /** The waiter may have been stopped or unresponsive; or a waiter ahead was, or declared an end. */
  #isExcused(second: Served, first: Served): boolean {
    const mayBeUnresponsive = ({ from }: Command) => second.startedAt - from.wall >= UNRESPONSIVE_AFTER_MS
    const since = waitedAt(first.command)?.steady ?? 0
    if (mayBeUnresponsive(first.command) || isStoppedAt(first.command, second.startedAt)) return true
    if (this.#leavesEnough(second)) return true
    return this.#waiters.some(
      (other) =>
        other !== first.command &&
        other.from.steady < since &&
        mayBeQueued(other, second.startedAt) &&
        (other.request.holdLimit !== undefined || wasStopped(other) || mayBeUnresponsive(other)),
    )
  }

  /** After this grant enough GPUs were free for everybody who certainly was in the queue. */
  #leavesEnough({ command, gpus, startedAt }: Served): boolean {
    const waiting = this.#waiters
      .filter((each) => each !== command && isQueued(each, startedAt))
      .map(({ request }) => request.gpus)
    const named = new Set(waiting.flatMap((wanted) => (Array.isArray(wanted) ? wanted : [])))
    if (gpus.some((gpu) => named.has(gpu))) return false
    const isFree = (gpu: number) =>
      !gpus.includes(gpu) &&
      this.#rows.get(gpu)?.some((row) => row.started_at <= startedAt && row.ended_at > startedAt) !== true
    const free = Array.from({ length: this.#gpus }, (_, gpu) => gpu).filter(
      (gpu) => isFree(gpu) && !named.has(gpu),
    )
    const wanted = waiting.reduce<number>((sum, each) => sum + (typeof each === 'number' ? each : 0), 0)
    return wanted <= free.length
  }
}

const longestHold = (commands: readonly Command[]): number =>
  commands.reduce((longest, { request }) => Math.max(longest, request.holdLimit ?? 0), 0)

const isAlone = (rows: readonly HistoryRow[] | undefined): boolean =>
  new Set(rows?.map(({ reservation }) => reservation)).size === 1

/** After its time limit a waiter may have lost its place and got its GPUs as a newcomer. */
const isInTime = ({ command: { request, from }, startedAt }: Served): boolean =>
  startedAt < from.wall + (request.waitLimit ?? Number.POSITIVE_INFINITY)

function mayBeQueued({ rows, to }: Command, at: number): boolean {
  const [row] = rows
  return row === undefined ? to.wall >= at : row.started_at > at
}

const isQueued = (command: Command, at: number): boolean =>
  (waitedAt(command)?.wall ?? Number.POSITIVE_INFINITY) <= at && mayBeQueued(command, at)

function servedOf(command: Command): readonly Served[] {
  const [row] = command.rows
  if (row === undefined) return []
  return [{ command, gpus: command.rows.map(({ gpu }) => gpu).sort(), startedAt: row.started_at }]
}
