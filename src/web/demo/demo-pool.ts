import { LocalPool } from '../../app/local-pool.ts'
import { CanhazgpuError } from '../../domain/errors.ts'
import { DEFAULT_MEMORY_THRESHOLD_MB } from '../../domain/observation/readings.ts'
import type { Account, Millis, Moment, Pool } from '../../domain/pool/model.ts'
import type { OpenedPool } from '../../ports/opened-pool.ts'
import type { PoolService } from '../../ports/pool-service.ts'
import { Activity } from './activity.ts'
import { readings } from './readings.ts'

export const DEMO_HOST = 'gpu-demo'

export interface DemoClock {
  readonly now: () => Millis
  readonly steady: () => Millis
}

/** Opens a store of its own, without a pool, with this clock. */
export type OpenEmptyStore = (now: () => Moment) => OpenedPool

/** The pool of a made-up team, behind the same port as a real one. */
export function demoPool({ now, steady }: DemoClock, openEmpty: OpenEmptyStore): PoolService {
  const moment = (): Moment => ({ wall: now(), steady: { epoch: 'demo', ms: steady() } })
  const activity = new Activity(DEMO_HOST, moment())
  return new LocalPool({
    store: demoStore(activity, openEmpty(moment), moment),
    processes: { alive: () => 'alive', stopped: () => false },
    actor: async () => VISITOR,
    driver: {
      sample: async () => {
        const at = moment()
        activity.advance(at.wall)
        return { probe: readings(activity.machine, at.wall) }
      },
      askedThresholdMb: DEFAULT_MEMORY_THRESHOLD_MB,
      seesOwners: () => true,
    },
  })
}

const VISITOR: Account = { uid: 65_534, name: 'nobody' }

/** How soon a page shows a change. */
const ADVANCE_EVERY_MS = 250

/** A store that advances the activity before each read. It refuses every change from outside. */
function demoStore(activity: Activity, store: OpenedPool, moment: () => Moment): OpenedPool {
  const refuse = (): never => {
    throw new CanhazgpuError('permission-denied', 'The demo is read-only')
  }
  let shown: Pick<Pool, 'reservations' | 'queue'> | undefined
  const advance = async (): Promise<void> => {
    activity.advance(moment().wall)
    const { pool } = activity.machine
    if (pool.reservations === shown?.reservations && pool.queue === shown.queue) return
    shown = pool
    const records = activity.machine.records.splice(0)
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
