import type { demandOf } from '../../src/domain/schedule/demand.ts'
import type { Mutant } from './list.ts'
import { at } from './seams.ts'

/** Defects in the limits of accounts. */
export const LIMIT_MUTANTS: readonly Mutant[] = [
  {
    name: 'limit-ignored',
    defect: 'GPUs are granted beyond the limit of the account',
    plants: [
      at(
        'src/domain/schedule/openings.ts#Openings',
        (Openings) =>
          class extends Openings {
            override allows() {
              return true
            }
          },
      ),
    ],
  },
  {
    name: 'group-limit-ignored',
    defect: 'limits of groups do not hold for their members',
    plants: [
      at(
        'src/domain/operation/limited-request.ts#limitedIntent',
        (limitedIntent) => (policy, intent) => limitedIntent(policy, intent, []),
      ),
    ],
  },
  {
    name: 'limited-waiter-counts',
    defect: 'GPUs are kept for a waiter that its limit keeps from starting',
    plants: [
      at(
        'src/domain/schedule/openings.ts#Openings',
        (Openings) =>
          class extends Openings {
            override plan(demand: Demand) {
              if (this.allows(demand)) return super.plan(demand)
              const { cap: _, ...unlimited } = demand
              super.plan(unlimited)
              return null
            }
          },
      ),
    ],
  },
]

type Demand = ReturnType<typeof demandOf>
