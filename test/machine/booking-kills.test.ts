import { expect } from 'bun:test'
import { bookablePool } from '../support/bookable.ts'
import type { DaemonPool } from '../support/daemon.ts'
import { storedHistory, storedPool } from '../support/database.ts'
import { diesAtWrite } from '../support/dies-at-write.ts'
import { inDaemonMode, needing } from '../support/needs.ts'
import { passStoredTime } from '../support/pass-time.ts'
import type { TestPool } from '../support/pool.ts'
import { until } from '../support/until.ts'

/**
 * The process that writes the pool, a command or the daemon, is killed before every write of every step in the life of a
 * booking. So each state of the files that `kill -9` can leave is reached, without luck.
 */
const NOT_NOW = 75
const MINUTE = 60_000
const HOUR = 60 * MINUTE
/** More than any step has. */
const MOST_WRITES = 200

type Place = 'nowhere' | 'booked' | 'held' | 'ended'

interface Step {
  /** Brings the booking with this note to the step. In daemon mode no daemon need run after it. */
  readonly before: (pool: TestPool, note: string) => Promise<unknown>
  /** The command that performs the step. Without one any command does it, or the daemon by itself. */
  readonly command?: (pool: TestPool, note: string) => readonly string[]
  /** Where the booking is before and after the step. */
  readonly from: Place
  readonly to: Place
}

needing('gcc').describe('kill -9 at every write', () => {
  const stepTest = (what: string, step: Step) =>
    needing('gcc').test(what, () => killedAtEveryWrite(step), 180_000)

  stepTest('while a booking is accepted', {
    before: async () => {},
    command: (_, note) => bookCommand(note),
    ...{ from: 'nowhere', to: 'booked' },
  })
  stepTest('while it is cancelled', {
    before: booked,
    command: releaseCommand,
    from: 'booked',
    to: 'nowhere',
  })
  stepTest('while it begins', { before: due, from: 'booked', to: 'held' })
  stepTest('while it is released unused', { before: unused, from: 'held', to: 'ended' })
  stepTest('while it ends', { before: over, from: 'held', to: 'ended' })
  stepTest('while it is released', { before: begun, command: releaseCommand, from: 'held', to: 'ended' })
})

/** Repeats the step, each time killed one write later, until it is done before the kill. */
async function killedAtEveryWrite({ before, command, from, to }: Step): Promise<void> {
  using pool = await bookablePool(2)
  const kills = await diesAtWrite(pool)
  for (let write = 1; write < MOST_WRITES; write++) {
    const note = `killed-at-${write}`
    await before(pool, note)
    const argv = command?.(pool, note)
    const isDone = () => placeOf(pool, note) === to
    const arm = () => kills.at(write)
    const isKilled = inDaemonMode
      ? await isDaemonKilled(pool as DaemonPool, arm, { argv, isDone })
      : await isCommandKilled(pool, arm, argv ?? ['status'])
    expect(isKilled ? [from, to] : [to]).toContain(placeOf(pool, note))
    // The next command, or the next daemon, finds the step done or finishes it.
    if (!isDone()) await pool.chg(...(argv ?? ['status']))
    await until('the step is done', isDone)
    if (to === 'booked' || to === 'held') await pool.chg(...releaseCommand(pool, note))
    if (!isKilled) return
  }
  throw new Error('the step never ends')
}

async function isCommandKilled(
  pool: TestPool,
  arm: () => Disposable,
  argv: readonly string[],
): Promise<boolean> {
  using _ = arm()
  const child = pool.start(...argv)
  await child.exited
  return child.signalCode === 'SIGKILL'
}

interface DaemonStep {
  readonly argv: readonly string[] | undefined
  readonly isDone: () => boolean
}

/** After a kill another daemon runs. */
async function isDaemonKilled(pool: DaemonPool, arm: () => Disposable, step: DaemonStep): Promise<boolean> {
  await pool.killDaemon()
  const isStarted = await start(pool, arm)
  const daemon = pool.daemon()
  const isDead = () => !isStarted || daemon.signalCode !== null
  if (step.argv === undefined) {
    await until('the daemon has performed the step or died', () => isDead() || step.isDone())
    if (isDead()) await pool.restart()
    return isDead()
  }
  if (!isStarted) await pool.restart()
  const performed = pool.chg(...step.argv)
  const first = await Promise.race([performed, daemon.exited])
  // A cancellation is not repeated: it may have been performed.
  if (typeof first === 'object' && first.status === NOT_NOW) await daemon.exited
  if (isStarted && isDead()) await pool.restart()
  expect([0, NOT_NOW]).toContain((await performed).status ?? -1)
  return isDead()
}

async function start(pool: DaemonPool, arm: () => Disposable): Promise<boolean> {
  using _ = arm()
  return pool.restart().then(
    () => true,
    () => false,
  )
}

/** By the files alone: it is in one place, with one row for each GPU if it has ended. */
function placeOf(pool: TestPool, note: string): Place {
  const { bookings = [], reservations } = storedPool(pool)
  const rows = storedHistory(pool).filter((row) => row.note === note)
  const places: readonly Place[] = [
    ...bookings.filter((each) => each.note === note).map(() => 'booked' as const),
    ...reservations.filter((each) => each.note === note).map(() => 'held' as const),
    ...(rows.length === 0 ? [] : ['ended' as const]),
  ]
  expect(places.length).toBeLessThanOrEqual(1)
  if (places[0] === 'ended') expect(rows.map(({ gpu }) => gpu)).toEqual([0, 1])
  return places[0] ?? 'nowhere'
}

const bookCommand = (note: string) => [
  ...['reserve', '--gpus', '2', '--at', 'in 1h', '--duration', '2h', '--note', note],
]

function releaseCommand(pool: TestPool, note: string): readonly string[] {
  const { bookings = [], reservations } = storedPool(pool)
  const { id = '' } = [...bookings, ...reservations].find((each) => each.note === note) ?? {}
  return ['release', id]
}

async function booked(pool: TestPool, note: string): Promise<void> {
  await withDaemon(pool)
  expect((await pool.chg(...bookCommand(note))).status).toBe(0)
}

async function due(pool: TestPool, note: string): Promise<void> {
  await booked(pool, note)
  await pass(pool, HOUR + 1_000)
}

async function begun(pool: TestPool, note: string): Promise<void> {
  await due(pool, note)
  await withDaemon(pool)
  await pool.chg('status')
  await until('it has begun', () => placeOf(pool, note) === 'held')
}

async function unused(pool: TestPool, note: string): Promise<void> {
  await begun(pool, note)
  await pass(pool, 31 * MINUTE)
}

async function over(pool: TestPool, note: string): Promise<void> {
  await begun(pool, note)
  await pass(pool, 2 * HOUR)
}

async function pass(pool: TestPool, ms: number): Promise<void> {
  if (inDaemonMode) await (pool as DaemonPool).killDaemon()
  passStoredTime(pool, ms)
}

async function withDaemon(pool: TestPool): Promise<void> {
  if (!inDaemonMode) return
  const served = pool as DaemonPool
  if (served.daemon().exitCode !== null || served.daemon().signalCode !== null) await served.restart()
}
