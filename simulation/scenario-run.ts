import { Chance } from './chance.ts'
import { StartDelays } from './check/start-delays.ts'
import { Violation } from './check/violation.ts'
import { beginFinalPhase, entriesLeft, processesLeft, resumeAll, waitersLeft } from './final-phase.ts'
import { auditLastViews, COMPLETE_WITHIN } from './fleet/final-views.ts'
import { LONGEST_STALL } from './fleet/fleet-actions.ts'
import type { Scenario } from './scenario.ts'
import { Actions } from './system/actions.ts'
import { System } from './system/system.ts'
import { Trace } from './trace.ts'

export interface Outcome {
  readonly steps: number
  /** Virtual milliseconds. */
  readonly length: number
  readonly hash: string
  readonly lines: readonly string[]
  readonly violation: Violation | undefined
}

/** Runs a scenario from the set-up of the pools to the last release. */
export function runScenario(scenario: Scenario, traced = false): Outcome {
  const trace = new Trace(traced)
  const system = new System(scenario, trace)
  const run = new ScenarioRun(system, scenario)
  run.run()
  const { scheduler, violation } = system
  if (violation !== undefined) system.log(() => `VIOLATION ${violation.message}`)
  return { steps: scheduler.steps, length: scheduler.now, hash: trace.hash, lines: trace.lines, violation }
}

/** More steps than this in one millisecond mean an endless loop. */
const MOST_STEPS_AT_ONCE = 20_000

class ScenarioRun {
  readonly #system: System
  readonly #scenario: Scenario
  readonly #startDelays: StartDelays

  constructor(system: System, scenario: Scenario) {
    this.#system = system
    this.#scenario = scenario
    this.#startDelays = new StartDelays(system.checker, (violation) => {
      system.violation ??= violation
    })
  }

  run(): void {
    const system = this.#system
    const actions = new Actions(system, this.#scenario)
    const chance = new Chance(this.#scenario.seed + 1)
    for (const machine of system.machines) actions.setUp(machine, chance, false)
    for (const action of this.#scenario.actions) {
      system.scheduler.after(action.at, null, () => actions.act(action))
    }
    this.#runUntil(this.#scenario.length, () => false)
    this.#finish(actions)
  }

  /**
   * First every waiter that is not stopped must be granted GPUs soon. Then the stopped ones continue, and must be granted
   * GPUs too. In the end no process, reservation or queue entry may be left.
   */
  #finish(actions: Actions): void {
    const system = this.#system
    const { scheduler } = system
    beginFinalPhase(system, actions)
    const hasInvisible = this.#hasInvisibleEnds()
    const staleAfter = hasInvisible ? 17 * 60_000 : 0
    this.#runUntil(
      scheduler.now + bound(system, hasInvisible) + staleAfter,
      () => waitersLeft(system).length === 0,
    )
    for (const name of waitersLeft(system)) this.#report(`${name} was granted no GPUs`)
    resumeAll(system)
    // What was sent over a connection that stalled arrives until then.
    const stalled = actions.fleet === null ? 0 : LONGEST_STALL
    this.#runUntil(
      scheduler.now + bound(system, hasInvisible) + staleAfter + stalled,
      () => processesLeft(system).length === 0,
    )
    for (const name of processesLeft(system)) this.#report(`${name} does not end`)
    // An entry whose end no process noticed stays in the pool until the next command.
    this.#runUntil(scheduler.now + staleAfter + 5_000, () => false)
    // A heartbeat in the future is replaced by the time of the first command. If no process can prove a reboot, an earlier
    // heartbeat counts again when the machine has been up for as long as at the last write.
    for (const wait of staleAfter === 0 ? [60_000] : [staleAfter, staleAfter, 60_000]) {
      for (const machine of system.machines) actions.view(machine, 'status')
      this.#runUntil(scheduler.now + wait, () => wait === 60_000 && processesLeft(system).length === 0)
    }
    for (const name of entriesLeft(system)) this.#report(`${name} is left over`)
    const { fleet } = actions
    if (fleet !== null) {
      scheduler.after(COMPLETE_WITHIN.status, null, () => void auditLastViews(fleet))
      this.#runUntil(scheduler.now + COMPLETE_WITHIN.status + 1, () => false)
    }
    for (const machine of system.machines) {
      const truth = system.checker.truthOf(machine)
      let granted = 0
      for (const held of truth.known.values()) granted += held.uuids.length
      if (truth.records.length !== granted) {
        system.violation ??= new Violation(
          'I4',
          `${granted} GPUs were held, ${truth.records.length} records written`,
        )
      }
    }
  }

  /** Whether the end of some process can be noticed only by its missing heartbeats. */
  #hasInvisibleEnds(): boolean {
    const { hidesBootIds, machines, checker } = this.#system
    const hasUnproven = machines.some((machine) => checker.truthOf(machine).mayHaveUnproven)
    return this.#scenario.hasContainers || hidesBootIds || hasUnproven
  }

  #report(text: string): void {
    this.#system.violation ??= new Violation('waiting', text)
  }

  #runUntil(time: number, isDone: () => boolean): void {
    const { scheduler, machines } = this.#system
    let nextCheck = 0
    let lastMove = scheduler.steps
    let lastNow = scheduler.now
    while (this.#system.violation === undefined && scheduler.now < time) {
      if (!scheduler.step()) {
        scheduler.now = time
        return
      }
      this.#startDelays.check(machines, scheduler)
      if (scheduler.now !== lastNow) {
        lastNow = scheduler.now
        lastMove = scheduler.steps
      } else if (scheduler.steps - lastMove > MOST_STEPS_AT_ONCE) this.#report('time does not advance')
      if (scheduler.now >= nextCheck) {
        if (isDone()) return
        nextCheck = scheduler.now + 200
      }
    }
  }
}

/**
 * The longest time until a queue is empty if its waiters are granted GPUs one after the other. A process that does
 * nothing, and does not appear stopped, costs a grace period at each turn. Several such processes in a row cost more.
 */
function bound(system: System, hasContainers: boolean): number {
  let waiting = 0
  let unresponsive = 0
  for (const machine of system.machines) {
    waiting += machine.stored.pool?.queue.length ?? 0
    unresponsive += machine
      .liveProcesses()
      .filter(({ state, isFrozen }) => state === 'stopped' && (isFrozen || hasContainers)).length
  }
  return 60_000 + waiting * (10_000 + 14_000 * unresponsive + 4_000 * unresponsive ** 2)
}
