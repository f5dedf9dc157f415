import { Chance } from './chance.ts'

/** The relative frequency of each kind of action. */
const WEIGHTS = {
  run: 26,
  reserve: 14,
  burst: 4,
  claim: 3,
  release: 5,
  releaseById: 6,
  extend: 4,
  status: 5,
  queue: 2,
  report: 6,
  interruptWaiter: 3,
  killWaiter: 4,
  stopWaiter: 6,
  freezeWaiter: 4,
  killCommand: 5,
  killSupervisor: 4,
  killBoth: 3,
  killAny: 3,
  stopSupervisor: 4,
  stopAny: 3,
  freezeAny: 2,
  reboot: 1.2,
  setClock: 4,
  squat: 6,
  breakGpu: 3,
  driverFault: 4,
  storeFault: 4,
  reset: 1,
} as const

type Weighted = keyof typeof WEIGHTS

/** Drains, limits and bookings are added to the other actions, so that those stay the same for a seed. */
export type Kind = Weighted | 'drain' | 'limit' | 'bookingRules' | 'book' | 'cancel' | FleetKind

/** What happens only where several hosts have a notice board. */
export type FleetKind =
  | 'call'
  | 'callAny'
  | 'look'
  | 'watch'
  | 'boardFault'
  | 'boardLoss'
  | 'boardClock'
  | 'linkFault'
  | 'killCaller'
  | 'interruptCaller'
  | 'killServer'
  | 'stopCaller'
  | 'stopServer'

/** An action and its time. Its own seed decides all its details. */
export interface Action {
  readonly at: number
  readonly kind: Kind
  readonly seed: number
}

export interface Scenario {
  readonly seed: number
  readonly length: number
  /** The longest duration of a command or reservation. */
  readonly longest: number
  /** Some processes run in a container and cannot be seen from outside. */
  readonly hasContainers: boolean
  /** The machines have GPUs of two models, and some requests name a type or a memory. */
  readonly isMixed?: boolean
  /** Some runs end when a booking begins. */
  readonly hasBookings?: boolean
  /** The number of hosts that have a notice board and run commands for each other. Absent: machines that share nothing. */
  readonly hosts?: number
  readonly actions: readonly Action[]
}

/** The scenario of a seed. */
export function scenarioOf(seed: number): Scenario {
  const chance = new Chance(seed ^ 0x5eed)
  const length = chance.pick([60_000, 180_000, 600_000, 3_600_000])
  const count = chance.between(20, 140)
  const disabled = new Set<Weighted>(kinds.filter(() => chance.is(0.25)))
  const possible = kinds.filter((kind) => !disabled.has(kind) || kind === 'run')
  const others = Array.from({ length: count }, () => ({
    at: chance.below(length),
    kind: weighted(possible, chance),
    seed: chance.next(),
  }))
  const [longest, hasContainers] = [length / chance.pick([1, 4, 20]), chance.is(0.12)]
  const more = new Chance(seed ^ 0xd7a1)
  const isMixed = more.is(0.4)
  const drains = Array.from({ length: more.is(0.5) ? more.between(1, 6) : 0 }, () => ({
    at: more.below(length),
    kind: 'drain' as const,
    seed: more.next(),
  }))
  const bookings = bookingsIn(seed, length)
  const actions = [...others, ...drains, ...limitsIn(seed, length), ...bookings].sort((a, b) => a.at - b.at)
  return { seed, length, longest, hasContainers, isMixed, hasBookings: bookings.length > 0, actions }
}

/** In two of five scenarios GPUs are booked. Runs from before the first rules have no known end. */
function bookingsIn(seed: number, length: number): readonly Action[] {
  const chance = new Chance(seed ^ 0xb00c)
  if (!chance.is(0.4)) return []
  const several = (kind: Kind, most: number) =>
    Array.from({ length: chance.between(0, most) }, () => ({
      ...{ at: chance.below(length), kind, seed: chance.next() },
    }))
  const first = { at: chance.is(0.5) ? 0 : chance.below(length / 2), kind: 'bookingRules' as const }
  return [
    { ...first, seed: chance.next() },
    ...several('bookingRules', chance.is(0.5) ? 2 : 12),
    ...several('book', chance.is(0.3) ? 12 : 120),
    ...several('cancel', 10),
    ...several('reserve', 20),
    ...several('extend', 30),
    ...several('drain', 4),
  ]
}

/** In a third of all scenarios an administrator changes limits. */
function limitsIn(seed: number, length: number): readonly Action[] {
  const chance = new Chance(seed ^ 0x11417)
  if (!chance.is(0.34)) return []
  const first = { at: 0, kind: 'limit' as const, seed: chance.next() }
  const more = Array.from({ length: chance.between(0, 12) }, () => ({
    ...{ at: chance.below(length), kind: 'limit' as const, seed: chance.next() },
  }))
  return [first, ...more]
}

const kinds = Object.keys(WEIGHTS) as Weighted[]

function weighted(possible: readonly Weighted[], chance: Chance): Kind {
  const total = possible.reduce((sum, kind) => sum + WEIGHTS[kind], 0)
  let left = (chance.next() / 0x1_0000_0000) * total
  for (const kind of possible) {
    left -= WEIGHTS[kind]
    if (left < 0) return kind
  }
  return 'run'
}
