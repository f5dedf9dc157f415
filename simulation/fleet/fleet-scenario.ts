import { Chance } from '../chance.ts'
import { type Action, type FleetKind, type Scenario, scenarioOf } from '../scenario.ts'

/** The relative frequency of each kind of action of several hosts. */
const WEIGHTS: Readonly<Record<FleetKind, number>> = {
  call: 18,
  callAny: 12,
  look: 12,
  watch: 5,
  boardFault: 9,
  boardLoss: 5,
  boardClock: 5,
  linkFault: 12,
  killCaller: 6,
  interruptCaller: 4,
  killServer: 4,
  stopCaller: 3,
  stopServer: 2,
}

/** The scenario of a seed with several hosts: one of the scenarios without a board, and more actions. */
export function fleetScenarioOf(seed: number): Scenario {
  const alone = scenarioOf(seed)
  const chance = new Chance(seed ^ 0xf1ee7)
  const kinds = (Object.keys(WEIGHTS) as FleetKind[]).filter(
    (kind) => kind.startsWith('call') || chance.is(0.8),
  )
  const bag = kinds.flatMap((kind) => Array.from({ length: WEIGHTS[kind] }, () => kind))
  const actions: readonly Action[] = Array.from({ length: chance.between(20, 120) }, () => ({
    at: chance.below(alone.length),
    kind: chance.pick(bag),
    seed: chance.next(),
  }))
  return {
    ...alone,
    hosts: chance.between(2, 5),
    actions: [...alone.actions, ...actions].sort((a, b) => a.at - b.at),
  }
}
