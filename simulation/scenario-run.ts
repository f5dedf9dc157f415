import { busy, calmDown, leftOver, resumeAll, starving } from './calm.ts'
import { Chance } from './chance.ts'
import { Prospects } from './check/prospects.ts'
import type { Violation } from './check/violation.ts'
import { Violation as Broken } from './check/violation.ts'
import type { Scenario } from './scenario.ts'
import { Trace } from './trace.ts'
import { Actions } from './world/actions.ts'
import { World } from './world/world.ts'

export interface Outcome {
  readonly steps: number
  /** Virtual milliseconds. */
  readonly length: number
  readonly hash: string
  readonly lines: readonly string[]
  readonly violation: Violation | undefined
}

/** Runs a scenario from the first set-up to the last release. */
export function runScenario(scenario: Scenario, traced = false): Outcome {
  const trace = new Trace(traced)
  const world = new World(scenario.seed, trace)
  const run = new ScenarioRun(world, scenario)
  run.run()
  const { scheduler, violation } = world
  if (violation !== undefined) world.say(() => `VIOLATION ${violation.message}`)
  return { steps: scheduler.steps, length: scheduler.now, hash: trace.hash, lines: trace.lines, violation }
}

/** More steps than this in one millisecond are an endless loop. */
const MOST_STEPS_AT_ONCE = 20_000

class ScenarioRun {
  readonly #world: World
  readonly #scenario: Scenario
  readonly #prospects: Prospects

  constructor(world: World, scenario: Scenario) {
    this.#world = world
    this.#scenario = scenario
    this.#prospects = new Prospects(world.checker, (violation) => {
      world.violation ??= violation
    })
  }

  run(): void {
    const world = this.#world
    const actions = new Actions(world, this.#scenario)
    const chance = new Chance(this.#scenario.seed + 1)
    for (const machine of world.machines) actions.setUp(machine, chance, false)
    for (const action of this.#scenario.actions) {
      world.scheduler.after(action.at, null, () => actions.act(action))
    }
    this.#until(this.#scenario.length, () => false)
    this.#settleDown(actions)
  }

  /** Every waiter that is not stopped must be granted GPUs soon; then all others; then nothing may be left. */
  #settleDown(actions: Actions): void {
    const world = this.#world
    const { scheduler } = world
    calmDown(world)
    const hasUnseen = this.#hasUnseen()
    const unseen = hasUnseen ? 17 * 60_000 : 0
    this.#until(scheduler.now + bound(world, hasUnseen) + unseen, () => starving(world).length === 0)
    for (const name of starving(world)) this.#break(`${name} starves`)
    resumeAll(world)
    this.#until(scheduler.now + bound(world, hasUnseen) + unseen, () => busy(world).length === 0)
    for (const name of busy(world)) this.#break(`${name} does not end`)
    // An end that no process noticed stays in the pool until the next command.
    this.#until(scheduler.now + unseen + 5_000, () => false)
    // A heartbeat from the future counts from the first command on. One from before a reboot that no process can
    // prove counts again when the machine has been up for as long as at the last write.
    for (const wait of unseen === 0 ? [60_000] : [unseen, unseen, 60_000]) {
      for (const machine of world.machines) actions.look(machine, 'status')
      this.#until(scheduler.now + wait, () => wait === 60_000 && busy(world).length === 0)
    }
    for (const name of leftOver(world)) this.#break(`${name} is left over`)
    for (const machine of world.machines) {
      const truth = world.checker.truthOf(machine)
      let granted = 0
      for (const held of truth.known.values()) granted += held.uuids.length
      if (truth.records.length !== granted) {
        world.violation ??= new Broken(
          'I4',
          `${granted} GPUs were held, ${truth.records.length} records written`,
        )
      }
    }
  }

  /** Whether the end of some process can be known by its heartbeats alone. */
  #hasUnseen(): boolean {
    const { hasMasks, machines, checker } = this.#world
    const hasUnproven = machines.some((machine) => checker.truthOf(machine).mayHaveUnproven)
    return this.#scenario.hasContainers || hasMasks || hasUnproven
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
      } else if (scheduler.steps - lastMove > MOST_STEPS_AT_ONCE) this.#break('time does not advance')
      if (scheduler.now >= look) {
        if (isDone()) return
        look = scheduler.now + 200
      }
    }
  }
}

/**
 * The longest time for a queue whose waiters only have to be granted GPUs one after the other. A process that does
 * nothing, and is not seen to be stopped, costs a grace period at each turn; several in a row cost more.
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
