import { loginOf } from '../adapters/accounts/login.ts'
import { groupId, userId } from '../adapters/accounts/users.ts'
import { hostname } from '../adapters/kernel/procfs.ts'
import { driverEnvironment } from '../adapters/process/driver-environment.ts'
import { checkStore } from '../adapters/store/open.ts'
import { type Administration, LocalAdministration } from '../app/administration.ts'
import type { SharedDriver } from '../app/sampling/shared-driver.ts'
import type { AnnouncingStore } from '../daemon/announcing-store.ts'
import type { Caller } from '../daemon/caller.ts'
import { groupAtDaemon } from '../domain/daemon-errors.ts'
import type { Account } from '../domain/pool/model.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import type { PoolService } from '../ports/pool-service.ts'
import type { Store } from '../ports/store.ts'
import { detectChosen } from './administration.ts'
import type { Driving } from './daemon-driver.ts'

interface Served extends Driving {
  readonly processes: ProcessCheck
  readonly store: AnnouncingStore
  readonly driver: SharedDriver
  /** Path of the database. */
  readonly pool: string
  readonly service: PoolService
}

/** Administers the open pool. A damaged pool can be replaced only while the daemon is down. */
export function daemonAdministration(
  caller: Caller,
  { store, pool, driver, settings, checkGpuAccess, processes, service }: Served,
): Administration {
  const kept: Store = {
    load: () => store.load(),
    update: (change) => store.update(change),
    bounded: (patience) => store.bounded(patience),
    // Set-up closes its store, but the daemon still needs this one.
    close: () => {},
  }
  return new LocalAdministration({
    host: hostname,
    account: async () => caller.account,
    login: () => loginOfCaller(caller),
    processes,
    authorise: async () => {},
    pool: async () => service,
    poolPlace: async (group) => {
      if (group !== undefined) throw groupAtDaemon(group)
      return {
        open: async () => kept,
        create: async () => kept,
        setAside: async () => null,
        forGroup: false,
      }
    },
    checkPool: () => checkStore(pool),
    storedPlace: async () => ({ path: pool, group: null }),
    findId: async (kind, name) => (kind === 'account' ? userId(name) : groupId(name)),
    detectGpus: async (choice, fakeCount) => {
      checkGpuAccess(choice)
      const served = (await store.load().catch(() => undefined))?.pool
      // Simulated are as many GPUs as are requested.
      if (served !== undefined && choice === served.provider && choice !== 'fake')
        return (await driver.sample(served, 'decision')).probe
      return detectChosen({ choice, fakeCount, env: driverEnvironment(process.env) }, settings.probeTimeout)
    },
  })
}

export async function loginOfCaller({ process, account }: Caller): Promise<Account | undefined> {
  return process === undefined || process === null ? undefined : loginOf(process.pid, account)
}
