import { LocalPool } from '../../app/local-pool.ts'
import { CanhazgpuError } from '../../domain/errors.ts'
import { DEFAULT_MEMORY_THRESHOLD_MB } from '../../domain/observation/readings.ts'
import type { Account, Millis, Moment, Pool } from '../../domain/pool/model.ts'
import type { OpenedPool } from '../../ports/opened-pool.ts'
import type { PoolService } from '../../ports/pool-service.ts'
import { readings } from './readings.ts'
import { TeamSimulation } from './team-simulation.ts'

export const DEMO_HOST = 'gpu-demo'

export interface DemoClock {
  readonly now: () => Millis
  readonly steady: () => Millis
}

/** Opens a new store without a pool, with this clock. */
export type OpenEmptyStore = (now: () => Moment) => OpenedPool

/** The pool of a made-up team, with the same interface as a real pool. */
export function demoPool({ now, steady }: DemoClock, openEmpty: OpenEmptyStore): PoolService {
  const moment = (): Moment => ({ wall: now(), steady: { epoch: 'demo', ms: steady() } })
  const simulation = new TeamSimulation(DEMO_HOST, moment())
  return new LocalPool({
    store: demoStore(simulation, openEmpty(moment), moment),
    processes: { alive: () => 'alive', stopped: () => false },
    actor: async () => VISITOR,
    driver: {
      sample: async () => {
        const at = moment()
        simulation.advance(at.wall)
        return { probe: readings(simulation.machine, at.wall) }
      },
      askedThresholdMb: DEFAULT_MEMORY_THRESHOLD_MB,
      seesOwners: () => true,
    },
  })
}

const VISITOR: Account = { uid: 65_534, name: 'nobody' }

/** How often the simulation advances while a client waits for changes. */
const ADVANCE_EVERY_MS = 250

/** A store that advances the simulation before each read. It refuses all other changes. */
function demoStore(simulation: TeamSimulation, store: OpenedPool, moment: () => Moment): OpenedPool {
  const refuse = (): never => {
    throw new CanhazgpuError('permission-denied', 'The demo is read-only')
  }
  let stored: Pick<Pool, 'reservations' | 'queue'> | undefined
  const advance = async (): Promise<void> => {
    simulation.advance(moment().wall)
    const { pool } = simulation.machine
    if (pool.reservations === stored?.reservations && pool.queue === stored.queue) return
    stored = pool
    const records = simulation.machine.records.splice(0)
    await store.update({ create: () => ({ pool, records, wake: [], answer: undefined }) })
  }
  const advanceUntil = async (signal: AbortSignal): Promise<void> => {
    for (; !signal.aborted; await Bun.sleep(ADVANCE_EVERY_MS)) await advance()
  }
  return {
    load: () => advance().then(() => store.load()),
    history: (range, most) => advance().then(() => store.history(range, most)),
    visitTimes: (range, visit) => advance().then(() => store.visitTimes(range, visit)),
    usage: (range, reservations) => advance().then(() => store.usage(range, reservations)),
    audit: (most) => store.audit(most),
    isRecorded: (reservation) => advance().then(() => store.isRecorded(reservation)),
    turns: () => store.turns(),
    changes(signal) {
      const changes = store.changes(signal)
      void advanceUntil(signal)
      return changes
    },
    update: async () => refuse(),
    calls: refuse,
    bounded: refuse,
    close: () => {},
  }
}
