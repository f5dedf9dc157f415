import { LocalPool } from '../../app/local-pool.ts'
import { CanhazgpuError } from '../../domain/errors.ts'
import { DEFAULT_MEMORY_THRESHOLD_MB } from '../../domain/observation/usage.ts'
import type { Account, Millis, Moment, Pool } from '../../domain/pool/model.ts'
import type { OpenedPool } from '../../ports/opened-pool.ts'
import type { PoolService } from '../../ports/pool-service.ts'
import { Play } from './play.ts'
import { readings } from './readings.ts'

export const DEMO_HOST = 'gpu-demo'

export interface DemoClock {
  readonly now: () => Millis
  readonly steady: () => Millis
}

/** Opens a store of its own, without a pool, with this clock. */
export type OpenEmptyStore = (now: () => Moment) => OpenedPool

/** A made-up team on a made-up machine, behind the same port as the real ones. */
export function demoPool({ now, steady }: DemoClock, openEmpty: OpenEmptyStore): PoolService {
  const moment = (): Moment => ({ wall: now(), steady: { epoch: 'demo', ms: steady() } })
  const play = new Play(DEMO_HOST, moment())
  return new LocalPool({
    store: playedStore(play, openEmpty(moment), moment),
    processes: { alive: () => 'alive', stopped: () => false },
    actor: async () => SPECTATOR,
    driver: {
      of: async () => ({
        probe: async () => {
          const at = moment()
          play.advance(at)
          return readings(play, at.wall)
        },
      }),
      timeout: 10_000,
      askedThresholdMb: DEFAULT_MEMORY_THRESHOLD_MB,
      seesOwners: () => true,
    },
  })
}

const SPECTATOR: Account = { uid: 65_534, name: 'nobody' }

/** How soon a page shows what the team does. */
const LOOK_EVERY_MS = 250

/** The team's pool, which goes on whenever somebody looks. Only the team changes it. */
function playedStore(play: Play, store: OpenedPool, moment: () => Moment): OpenedPool {
  const refuse = (): never => {
    throw new CanhazgpuError('permission-denied', 'The demo can only be watched')
  }
  let shown: Pick<Pool, 'reservations' | 'queue'> | undefined
  const goOn = async (): Promise<void> => {
    play.advance(moment())
    const { pool } = play
    if (pool.reservations === shown?.reservations && pool.queue === shown.queue) return
    shown = pool
    const records = play.records.splice(0)
    await store.update({ create: () => ({ pool, records, wake: [], answer: undefined }) })
  }
  const goOnUntil = async (signal: AbortSignal): Promise<void> => {
    for (; !signal.aborted; await Bun.sleep(LOOK_EVERY_MS)) await goOn()
  }
  return {
    load: () => goOn().then(() => store.load()),
    history: (range, most) => goOn().then(() => store.history(range, most)),
    visitTimes: (range, visit) => goOn().then(() => store.visitTimes(range, visit)),
    usage: (range, reservations) => goOn().then(() => store.usage(range, reservations)),
    turns: () => store.turns(),
    changes(signal) {
      const changes = store.changes(signal)
      void goOnUntil(signal)
      return changes
    },
    update: async () => refuse(),
    calls: refuse,
    bounded: refuse,
    close: () => {},
  }
}
