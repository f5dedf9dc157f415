import { followClock } from '../../domain/pool/clock.ts'
import type { Store } from '../../ports/ports.ts'

/**
 * The same store, whose pool is always told in the time of its moment: who reads or decides never meets a
 * time that was written before the wall clock was set (see `followClock`).
 */
export function healed(store: Store): Store {
  return {
    read: async () => {
      const { pool, moment } = await store.read()
      return { pool: followClock(pool, moment), moment }
    },
    update: (decide) => store.update((pool, moment) => decide(followClock(pool, moment), moment)),
    initialize: (decide) =>
      store.initialize((pool, moment) => decide(pool === null ? null : followClock(pool, moment), moment)),
    turns: () => store.turns(),
    history: (range, most) => store.history(range, most),
    visitTimes: (range, visit) => store.visitTimes(range, visit),
    usage: (range, reservations) => store.usage(range, reservations),
    changes: (signal) => store.changes(signal),
    lineCalls: (entry) => store.lineCalls(entry),
    bounded: (patience) => healed(store.bounded(patience)),
    close: () => store.close(),
  }
}
