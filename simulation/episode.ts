import { busy, calmDown, resumeAll, standing, starving } from './calm.ts'
import { Chance } from './chance.ts'
import { Prospects } from './check/prospects.ts'
import type { Violation } from './check/violation.ts'
import { Violation as Broken } from './check/violation.ts'
import type { Script } from './script.ts'
import { Trace } from './trace.ts'
import { Deeds } from './world/actions.ts'
import { World } from './world/world.ts'

export interface Outcome {
  readonly steps: number
  /** Virtual milliseconds. */
  readonly length: number
  readonly hash: string
  readonly lines: readonly string[]
  readonly violation: Violation | undefined
}

/** Plays a script from the first set-up to the last release. */
export function play(script: Script, traced = false): Outcome {
  const trace = new Trace(traced)
  const world = new World(script.seed, trace)
  const episode = new Episode(world, script)
  episode.run()
  const { scheduler, violation } = world
  if (violation !== undefined) world.say(() => `VIOLATION ${violation.message}`)
  return { steps: scheduler.steps, length: scheduler.now, hash: trace.hash, lines: trace.lines, violation }
}

/** More than this in one millisecond is a loop that waits for nothing. */
const MOST_STEPS_AT_ONCE = 20_000

class Episode {
  readonly #world: World
  readonly #script: Script
  readonly #prospects: Prospects

  constructor(world: World, script: Script) {
    this.#world = world
    this.#script = script
    this.#prospects = new Prospects(world.checker, (violation) => {
      world.violation ??= violation
    })
  }

  run(): void {
    const world = this.#world
    const deeds = new Deeds(world, this.#script)
    const chance = new Chance(this.#script.seed + 1)
    for (const machine of world.machines) deeds.setUp(machine, chance, false)
    for (const action of this.#script.actions) {
      world.scheduler.after(action.at, null, () => deeds.act(action))
    }
    this.#until(this.#script.length, () => false)
    this.#settleDown(deeds)
  }

  /** Everyone who is not stopped must be served soon; then everyone else; then nothing may be left. */
  #settleDown(deeds: Deeds): void {
    const world = this.#world
    const { scheduler } = world
    calmDown(world)
    const hasUnseen = this.#hasUnseen()
    const unseen = hasUnseen ? 17 * 60_000 : 0
    this.#until(scheduler.now + bound(world, hasUnseen) + unseen, () => starving(world).length === 0)
    for (const name of starving(world)) this.#break(`${name} starves`)
    resumeAll(world)
    this.#until(scheduler.now + bound(world, hasUnseen) + unseen, () => busy(world).length === 0)
    for (const name of busy(world)) this.#break(`${name} does not come to an end`)
    // What is over and unseen stands until somebody types a command.
    this.#until(scheduler.now + unseen + 5_000, () => false)
    // A heartbeat from the future counts from the first look on, and one from before a reboot that nobody can prove
    // counts anew when the machine has been up for as long as it was at the last write.
    for (const wait of unseen === 0 ? [60_000] : [unseen, unseen, 60_000]) {
      for (const machine of world.machines) deeds.look(machine, 'status')
      this.#until(scheduler.now + wait, () => wait === 60_000 && busy(world).length === 0)
    }
    for (const name of standing(world)) this.#break(`${name} is left over`)
    for (const machine of world.machines) {
      const books = world.checker.booksOf(machine)
      let granted = 0
      for (const held of books.known.values()) granted += held.uuids.length
      if (books.records.length !== granted) {
        world.violation ??= new Broken(
          'I4',
          `${granted} GPUs were held, ${books.records.length} records written`,
        )
      }
    }
  }

  /** Whether only heartbeats can tell of some process that it is gone. */
  #hasUnseen(): boolean {
    const { hasMasks, machines, checker } = this.#world
    const hasUnproven = machines.some((machine) => checker.booksOf(machine).mayHaveUnproven)
    return this.#script.hasContainers || hasMasks || hasUnproven
  }

  #break(words: string): void {
    this.#world.violation ??= new Broken('waiting', words)
  }

  #until(time: number, isDone: () => boolean): void {
    const { scheduler, machines } = this.#world
    let look = 0
    let lastMove = scheduler.steps
    let lastNow = scheduler.now
    while (this.#world.violation === undefined && scheduler.now < time) {
      if (!scheduler.step()) {
        scheduler.now = time
        return
      }
      this.#prospects.look(machines, scheduler)
      if (scheduler.now !== lastNow) {
        lastNow = scheduler.now
        lastMove = scheduler.steps
      } else if (scheduler.steps - lastMove > MOST_STEPS_AT_ONCE) this.#break('time stands still')
      if (scheduler.now >= look) {
        if (isDone()) return
        look = scheduler.now + 200
      }
    }
  }
}

/**
 * How long a queue may take that only has to be walked through. A process that does nothing, and is not seen to be
 * stopped, is waited for anew at every turn, the longer the more of them stand together.
 */
function bound(world: World, hasContainers: boolean): number {
  let waiting = 0
  let unresponsive = 0
  for (const machine of world.machines) {
    waiting += machine.stored.pool?.queue.length ?? 0
    unresponsive += machine
      .living()
      .filter(({ state, isFrozen }) => state === 'stopped' && (isFrozen || hasContainers)).length
  }
  return 60_000 + waiting * (10_000 + 14_000 * unresponsive + 4_000 * unresponsive ** 2)
}
