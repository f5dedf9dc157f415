import { connectToDaemon } from '../adapters/daemon/connect.ts'
import { steadyNow } from '../adapters/kernel/clock.ts'
import { DaemonPool } from '../app/remote/daemon-pool.ts'
import type { Settings } from '../domain/settings.ts'
import type { Warn } from '../domain/warnings.ts'
import type { PoolAccess } from './pool-access.ts'

/** The pool of the daemon at this socket; connects when it is first used. */
export function daemonAccess(
  socket: string,
  { settings, warn }: { readonly settings: Settings; readonly warn: Warn },
): PoolAccess {
  const { memoryThreshold, probeTimeout } = settings
  let mayBlock = true
  const pool = new DaemonPool({
    ...{ socket, warn, connect: () => connectToDaemon(socket, mayBlock) },
    caller: { threshold: memoryThreshold, probeTimeout },
    clock: steadyNow,
  })
  return {
    pool: async () => pool,
    // Without a pool it does not start, as with an embedded one.
    longRunningPool: async () => {
      mayBlock = false
      await pool.view('stored')
      return pool
    },
    administration: async () => {
      const { RemoteAdministration } = await import('../app/remote/remote-administration.ts')
      return new RemoteAdministration(pool)
    },
    waitInQueue: async (intent, wait, waiting) => {
      const { waitRemotely } = await import('./remote-wait.ts')
      return waitRemotely(pool, intent, wait, waiting)
    },
    changes: async () => ({ changes: (signal) => pool.events(signal) }),
  }
}
