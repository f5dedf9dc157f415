import { jest } from 'bun:test'
import type { Chance } from '../../../simulation/chance.ts'
import type { Millis } from '../../../src/domain/pool/model.ts'
import { unitsOf } from '../../../src/domain/pool/units.ts'
import { startableEntries } from '../../../src/domain/schedule/startable.ts'
import { calendarCommand, FIRST, LAST, ROOT } from './calendar-commands.ts'
import { type Client, type Command, GRACE_MS, RESERVED_MS } from './client.ts'
import { World } from './world.ts'

const MOST_CLIENTS = 10
/** The only account that releases, at any time, so its manual reservations may end at any time. */
const RELEASING = LAST + 1
/** A jump of the clock by less than a second is not noticed. */
const TOLERANCE_MS: Millis = 2_000
/** After a start of the daemon, if the stopper of the job does nothing. */
const ENFORCED_WITHIN_MS: Millis = 15_000
const setImmediateOfRuntime = setImmediate

/** Resolves when no promise can continue without a further step. */
const settled = () => new Promise<void>((resolve) => setImmediateOfRuntime(resolve))

/** Returns the violations. With `bookings` accounts also book GPUs, and root drains them and sets a limit. */
export async function runSchedule(
  chance: Chance,
  { steps, bookings = false }: { readonly steps: number; readonly bookings?: boolean },
): Promise<readonly string[]> {
  const world = new World({ bookings })
  world.startDaemon()
  await settled()
  for (let step = 0; step < steps && world.violations.length === 0; step++) {
    act(world, chance, bookings ? BOOKED_ACTIONS : ACTIONS)
    await settled()
    checkHolders(world)
  }
  if (world.violations.length === 0) await recover(world, chance)
  if (world.violations.length === 0) await drain(world, chance)
  return world.violations
}

type Action = (world: World, chance: Chance) => void

/** What can happen at any time, and how often it does. */
const ACTIONS: readonly { readonly weight: number; readonly act: Action }[] = [
  { weight: 60, act: goOn },
  { weight: 10, act: startClient },
  { weight: 5, act: (world, chance) => advance(world, chance.spread(10, 5_000)) },
  { weight: 1, act: (world, chance) => advance(world, chance.spread(5_000, 90_000)) },
  { weight: 4, act: withClient(({ process }, world) => world.exit(process)) },
  { weight: 2, act: withClient((client) => client.interrupt()) },
  { weight: 2, act: withClient(({ process }) => toggleStopped(process)) },
  { weight: 2, act: withClient(disconnect) },
  { weight: 1, act: ({ occupied }, chance) => toggle(occupied, chance.below(3)) },
  { weight: 1, act: toggleStore },
  { weight: 1, act: toggleDriver },
  { weight: 1, act: setClock },
  { weight: 1, act: endDaemon },
  { weight: 3, act: (world) => world.startDaemon() },
]

const BOOKED_ACTIONS: typeof ACTIONS = [...ACTIONS, { weight: 6, act: startCalendarClient }]

function act(world: World, chance: Chance, actions: typeof ACTIONS): void {
  let left = chance.below(actions.reduce((sum, { weight }) => sum + weight, 0))
  for (const { weight, act: next } of actions) {
    left -= weight
    if (left < 0) {
      next(world, chance)
      return
    }
  }
}

function goOn({ lanes }: World, chance: Chance): void {
  lanes.step(chance)
}

function disconnect({ process }: Client, world: World): void {
  for (const wire of world.wiresOf(process)) wire.drop()
}

function toggleStore(world: World): void {
  world.storeFails = !world.storeFails
}

function toggleDriver(world: World): void {
  world.driverFails = !world.driverFails
}

function setClock(world: World, chance: Chance): void {
  world.wall += chance.pick([-1, 1]) * chance.spread(5_000, 86_400_000)
}

function endDaemon(world: World, chance: Chance): void {
  if (chance.is(0.5)) world.killDaemon()
  else world.stopDaemon()
}

function withClient(action: (client: Client, world: World) => void): Action {
  return (world, chance) => {
    const living = livingClients(world)
    if (living.length > 0) action(chance.pick(living), world)
  }
}

const livingClients = ({ clients }: World): readonly Client[] =>
  clients.filter(({ process }) => process.state !== 'gone')

function startClient(world: World, chance: Chance): void {
  if (livingClients(world).length >= MOST_CLIENTS) return
  const command = commandOf(chance)
  world.start(command.kind === 'release' ? RELEASING : chance.between(FIRST, RELEASING), command)
}

function commandOf(chance: Chance): Command {
  const kind = chance.pick(['run', 'run', 'run', 'reserve', 'reserve', 'release', 'status'] as const)
  if (kind === 'release' || kind === 'status') return { kind }
  const limit = chance.is(0.3) ? { for: chance.between(1_000, 20_000) } : {}
  return { kind, count: chance.between(1, 3), wait: chance.is(0.8), ...limit }
}

function startCalendarClient(world: World, chance: Chance): void {
  if (livingClients(world).length >= MOST_CLIENTS) return
  const chosen = calendarCommand(world, chance)
  if (chosen !== null) world.start(chosen.uid, chosen.command)
}

function toggleStopped(process: Client['process']): void {
  process.state = process.state === 'stopped' ? 'alive' : 'stopped'
}

function toggle<Value>(values: Set<Value>, value: Value): void {
  if (!values.delete(value)) values.add(value)
}

export function advance(world: World, ms: Millis): void {
  world.wall += ms
  world.steady += ms
  jest.advanceTimersByTime(ms)
}

/** The clients that hold GPUs, as far as their users know: running commands, and confirmed reservations. */
function holders({ clients, steady, grantedAt }: World): readonly Client[] {
  return clients.filter(({ held, isRunning, process: { state, uid } }) => {
    if (held === undefined) return false
    return isRunning
      ? state !== 'gone'
      : uid !== RELEASING && steady - (grantedAt.get(held.id) ?? 0) < RESERVED_MS - TOLERANCE_MS
  })
}

function checkHolders(world: World): void {
  world.calendar.check(world.pool, world.clients, world.steady)
  const holderOf = new Map<string, string>()
  for (const { id, held } of holders(world)) {
    for (const unit of held?.units ?? []) {
      const other = holderOf.get(unit)
      if (other !== undefined) world.violations.push(`GPU ${unit} is held by ${other} and ${id}`)
      holderOf.set(unit, id)
    }
    const kept = world.pool.reservations.find((each) => each.id === held?.id)
    if (kept === undefined) world.violations.push(`the reservation of ${id} has ended`)
    else if (String(unitsOf(kept)) !== String(held?.units)) world.violations.push(`${id} lost units`)
  }
}

/** Ends all faults, and gives all work time to finish. */
async function recover(world: World, chance: Chance): Promise<void> {
  world.storeFails = false
  world.driverFails = false
  world.occupied.clear()
  for (const { process } of livingClients(world)) process.state = 'alive'
  world.startDaemon()
  await undoAdministration(world, chance)
  await pass(world, chance, 30_000)
  checkHolders(world)
  world.calendar.checkBegun(world.pool, world.clients, world.steady)
  checkQueue(world)
  checkReservations(world)
  checkWatches(world)
  checkLimits(world)
}

/** Commands of root that have begun end first. */
async function undoAdministration(world: World, chance: Chance): Promise<void> {
  if (!world.clients.some(({ process }) => process.uid === ROOT)) return
  await pass(world, chance, 10_000)
  for (const { id, drain } of world.pool.units)
    if (drain !== undefined) world.start(ROOT, { kind: 'restore', unit: id })
  world.start(ROOT, { kind: 'limit', most: null })
}

export async function pass(world: World, chance: Chance, ms: Millis): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    for (;;) {
      await settled()
      if (!world.lanes.step(chance)) break
    }
    advance(world, 500)
  }
  do await settled()
  while (world.lanes.step(chance))
}

const asking = (world: World) => livingClients(world).filter(({ isRunning }) => !isRunning)

function checkQueue(world: World): void {
  const { pool, violations, wall } = world
  const waiting = asking(world)
  for (const { id, command } of waiting) {
    if (!pool.queue.some((entry) => entry.id === id))
      violations.push(`${id} (${JSON.stringify(command)}) is lost`)
  }
  for (const { id } of pool.queue) {
    if (!waiting.some((client) => client.id === id)) violations.push(`the entry ${id} has no client`)
  }
  const startable = startableEntries(pool, { now: wall, stopped: () => false })
  for (const { id } of startable) violations.push(`${id} could start, and waits`)
  if (world.daemon?.isWatched !== waiting.length > 0)
    violations.push(`${waiting.length} clients wait, the daemon differs`)
}

function checkReservations(world: World): void {
  const running = livingClients(world).filter(({ isRunning }) => isRunning)
  for (const { id, term } of world.pool.reservations) {
    const isLeaked = term.kind === 'run' && !running.some((client) => client.held?.id === id)
    if (isLeaked) world.violations.push(`the reservation ${id} has no command`)
    if (term.kind === 'manual' && world.outages === 0) checkManual(world, id)
  }
}

/** The daemon has run for half a minute. */
function checkLimits(world: World): void {
  const { steady, grantedAt, violations } = world
  for (const { id, command, held, isRunning } of livingClients(world)) {
    if (!isRunning || command.kind !== 'run' || command.for === undefined) continue
    const age = steady - (grantedAt.get(held?.id ?? '') ?? steady)
    if (age > command.for + GRACE_MS + ENFORCED_WITHIN_MS) violations.push(`${id} outlives its time limit`)
  }
}

/** A manual reservation whose client got no answer must not stay. */
function checkManual({ clients, violations }: World, id: string): void {
  const client = clients.find((each) => each.id === id)
  const isKnown = client?.isGranted === true || client?.command.kind !== 'reserve' || !client.command.wait
  if (!isKnown) violations.push(`nobody knows of the reservation ${id}`)
}

function checkWatches({ processes, pool, violations }: World): void {
  const { queue, reservations } = pool
  const wanted = [
    ...queue.map(({ process }) => process.pid),
    ...reservations.flatMap(({ term }) => (term.kind === 'run' ? [term.process.pid] : [])),
  ]
  const sorted = (pids: readonly number[]) => String([...new Set(pids)].sort())
  if (sorted(processes.watched) !== sorted(wanted) || processes.watched.length !== new Set(wanted).size) {
    violations.push(`watched: ${sorted(processes.watched)}; wanted: ${sorted(wanted)}`)
  }
}

/** All commands end one by one, so every waiter gets its turn. */
async function drain(world: World, chance: Chance): Promise<void> {
  for (let round = 0; livingClients(world).length > 0; round++) {
    if (round > 200) {
      world.violations.push(`never granted: ${asking(world).map(({ id }) => id)}`)
      return
    }
    for (const client of livingClients(world)) if (client.isRunning) world.exit(client.process)
    await pass(world, chance, 5_000)
    checkHolders(world)
  }
  await pass(world, chance, 61_000)
  world.calendar.checkBegun(world.pool, world.clients, world.steady)
  const { reservations, queue } = world.pool
  // After a jump of the clock a booking may be far ahead.
  const left = [...reservations.filter(({ term }) => term.kind !== 'booking'), ...queue]
  if (left.length > 0) world.violations.push(`the pool is not empty at the end: ${JSON.stringify(left)}`)
}
