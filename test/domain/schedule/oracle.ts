/**
 * A simple, slow planner in whole minutes. It shares no code with the real one, and supports only `lru`.
 */

export interface Case {
  readonly units: readonly {
    readonly lastUse: number | null
    readonly isUnusable: boolean
    readonly type: number
  }[]
  /** Minutes from now; `until` null: unknown. */
  readonly held: readonly { readonly unit: number; readonly from: number; readonly until: number | null }[]
  readonly queue: readonly Waiter[]
}

export interface Waiter {
  readonly wants: number | readonly number[]
  /** With a number of units: the type of each; null: any. */
  readonly type: number | null
  /** Null: without limit. */
  readonly minutes: number | null
  /** Whether later waiters wait for it. Otherwise it is passed over. */
  readonly isWaitedFor: boolean
}

interface State {
  readonly now: number
  readonly held: Case['held']
  readonly lastUse: readonly (number | null)[]
  readonly waiting: readonly Waiter[]
}

const HORIZON = 200

/** The waiters that can start now, with the units of each. */
export function startsIn(subject: Case, state: State): ReadonlyMap<Waiter, readonly number[]> {
  const starts = new Map<Waiter, readonly number[]>()
  const taken = new Set<number>()
  /** The units that are kept for a waiter until its earliest start. */
  const keptUnits: { readonly units: readonly number[]; readonly start: number }[] = []
  const kept = (unit: number) =>
    keptUnits.filter(({ units }) => units.includes(unit)).map(({ start }) => start)
  for (const waiter of state.waiting) {
    if (!canEverStart(subject, waiter)) continue
    const end = state.now + (waiter.minutes ?? Number.POSITIVE_INFINITY)
    const free = wanted(subject, waiter).filter((unit) => isFree(subject, state, unit) && !taken.has(unit))
    const usable = free.filter(
      (unit) =>
        kept(unit).every((start) => end <= start) &&
        state.held.every((held) => held.unit !== unit || held.from <= state.now || end <= held.from),
    )
    if (usable.length >= sizeOf(waiter)) {
      const chosen = leastRecent(usable, state).slice(0, sizeOf(waiter))
      starts.set(waiter, chosen)
      if (waiter.isWaitedFor) for (const unit of chosen) taken.add(unit)
    } else if (waiter.isWaitedFor) {
      const isKeptAlready = (unit: number) =>
        kept(unit).length > 0 || state.held.some((held) => held.unit === unit && held.from > state.now)
      const units = waiter.minutes === null ? free.filter((unit) => !isKeptAlready(unit)) : free
      keptUnits.push({ units, start: earliestStart(subject, state, waiter) })
    }
  }
  return starts
}

/**
 * The minutes until each waiter starts, if every known end is exact; null: no known time. Requests start only when an
 * interval ends or begins.
 */
export function expectedMinutes(subject: Case, unknownEnds: 'never' | 'now'): readonly (number | null)[] {
  const starts = new Map<Waiter, number>()
  let held = subject.held.map((each) =>
    each.until === null && each.from <= 0 && unknownEnds === 'now' ? { ...each, until: 0 } : each,
  )
  let lastUse = subject.units.map((unit) => unit.lastUse)
  for (let now = 0; now <= HORIZON; now++) {
    const ended = held.filter(({ from, until }) => until !== null && until <= now && from <= now)
    lastUse = lastUse.map((use, unit) => {
      const uses = ended.filter((each) => each.unit === unit).map(({ until }) => until ?? 0)
      return uses.length === 0 ? use : Math.max(...uses)
    })
    held = held.filter((each) => !ended.includes(each))
    if (now > 0 && ended.length === 0 && !held.some(({ from }) => from === now)) continue
    for (;;) {
      const waiting = subject.queue.filter((waiter) => !starts.has(waiter))
      const [next] = startsIn(subject, { now, held, lastUse, waiting })
      if (next === undefined) break
      const [waiter, units] = next
      starts.set(waiter, now)
      if (!waiter.isWaitedFor) continue
      const until = waiter.minutes === null ? null : now + waiter.minutes
      held = [...held, ...units.map((unit) => ({ unit, from: now, until }))]
    }
  }
  return subject.queue.map((waiter) => starts.get(waiter) ?? null)
}

/** The first minute from which enough units are free for the whole duration. Unknown ends count as now. */
function earliestStart(subject: Case, state: State, waiter: Waiter): number {
  const isTaken = (unit: number, minute: number) =>
    state.held.some((held) => {
      const from = Math.max(held.from, state.now)
      const until = held.until ?? from
      return held.unit === unit && from <= minute && minute < until
    })
  const isFreeFrom = (unit: number, start: number) => {
    const end = waiter.minutes === null ? HORIZON : start + waiter.minutes
    for (let minute = start; minute < end; minute++) if (isTaken(unit, minute)) return false
    return true
  }
  for (let start = state.now; start <= HORIZON; start++) {
    const free = wanted(subject, waiter).filter((unit) => isFreeFrom(unit, start))
    if (free.length >= sizeOf(waiter)) return start
  }
  return Number.POSITIVE_INFINITY
}

function wanted({ units }: Case, { wants, type }: Waiter): readonly number[] {
  if (typeof wants !== 'number') return wants
  return units.flatMap((unit, number) => (type === null || unit.type === type ? [number] : []))
}

const sizeOf = ({ wants }: Waiter): number => (typeof wants === 'number' ? wants : wants.length)

const isFree = (subject: Case, { now, held }: State, unit: number): boolean =>
  subject.units[unit]?.isUnusable === false && !held.some((each) => each.unit === unit && each.from <= now)

const canEverStart = (subject: Case, waiter: Waiter): boolean =>
  wanted(subject, waiter).filter((unit) => subject.units[unit]?.isUnusable === false).length >= sizeOf(waiter)

function leastRecent(units: readonly number[], { lastUse }: State): readonly number[] {
  const lastUseOf = (unit: number) => lastUse[unit] ?? Number.NEGATIVE_INFINITY
  return units.toSorted((a, b) => (lastUseOf(a) === lastUseOf(b) ? a - b : lastUseOf(a) - lastUseOf(b)))
}
