import { LocalPool } from '../../app/local-pool.ts'
import { CanhazgpuError } from '../../domain/errors.ts'
import type { TimeRange } from '../../domain/ledger/recorded.ts'
import { tallied } from '../../domain/ledger/report.ts'
import { DEFAULT_MEMORY_THRESHOLD_MB } from '../../domain/observation/usage.ts'
import type { Account, Millis, Moment } from '../../domain/pool/model.ts'
import type { OpenedPool } from '../../ports/opened-pool.ts'
import type { PoolService } from '../../ports/pool-service.ts'
import { Play } from './play.ts'
import { readings } from './readings.ts'

export const DEMO_HOST = 'gpu-demo'

export interface DemoClock {
  readonly now: () => Millis
  readonly steady: () => Millis
}

/** A made-up team on a made-up machine, behind the same port as the real ones. */
export function demoPool({ now, steady }: DemoClock): PoolService {
  const moment = (): Moment => ({ wall: now(), steady: { epoch: 'demo', ms: steady() } })
  const play = new Play(DEMO_HOST, moment())
  const present = () => {
    const at = moment()
    play.advance(at)
    return at
  }
  return new LocalPool({
    store: demoStore(play, present),
    processes: { alive: () => 'alive', stopped: () => false },
    actor: async () => SPECTATOR,
    driver: {
      of: async () => ({ probe: async () => readings(play, present().wall) }),
      timeout: 10_000,
      askedThresholdMb: DEFAULT_MEMORY_THRESHOLD_MB,
      seesOwners: () => true,
    },
  })
}

const SPECTATOR: Account = { uid: 65_534, name: 'nobody' }

/** How soon a page shows what happens on the stage. */
const LOOK_EVERY_MS = 250

function demoStore(play: Play, present: () => Moment): OpenedPool {
  const refuse = (): never => {
    throw new CanhazgpuError('permission-denied', 'The demo can only be watched')
  }
  const recordsOf = ({ from, to }: TimeRange) =>
    play.records.filter((record) => record.endedAt >= from && record.startedAt <= to)
  return {
    async load() {
      const moment = present()
      return { pool: { ...play.pool, writtenAt: moment }, moment }
    },
    update: async () => refuse(),
    turns: async () => [],
    async history(range, most) {
      const records = recordsOf(range).sort((a, b) => a.endedAt - b.endedAt)
      return most === undefined ? records : records.slice(Math.max(0, records.length - most))
    },
    async visitTimes(range, visit) {
      for (const { owner, startedAt, endedAt } of recordsOf(range)) {
        visit({ user: owner.shownName, account: owner.account, startedAt, endedAt })
      }
    },
    async usage(range, reservations) {
      const records = recordsOf(range)
      return {
        tallies: tallied(records, range),
        records: records.filter((record) => reservations.includes(record.reservation)),
      }
    },
    async *changes(signal) {
      let seen = play.pool.reservations
      let line = play.pool.queue
      while (!signal.aborted) {
        await Bun.sleep(LOOK_EVERY_MS)
        present()
        if (play.pool.reservations === seen && play.pool.queue === line) continue
        seen = play.pool.reservations
        line = play.pool.queue
        yield
      }
    },
    calls: refuse,
    bounded: refuse,
    close: () => {},
  }
}
