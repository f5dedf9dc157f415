import { currentAccount } from '../adapters/accounts/account.ts'
import { loginOf } from '../adapters/accounts/login.ts'
import { groupId, userId } from '../adapters/accounts/users.ts'
import { listenAt } from '../adapters/daemon/listen.ts'
import { openProcessExits } from '../adapters/daemon/process-exits.ts'
import { prepareSocketFolder } from '../adapters/daemon/socket-path.ts'
import { openStopFiles } from '../adapters/daemon/stop-file.ts'
import { withinDeadline } from '../adapters/gpu/deadline.ts'
import { DRIVER_NAMES } from '../adapters/gpu/driver-names.ts'
import { openKeptProvider } from '../adapters/gpu/provider.ts'
import { isInFirstPidNamespace } from '../adapters/kernel/boot.ts'
import { currentMoment, steadyNow } from '../adapters/kernel/clock.ts'
import { descriptorLimit } from '../adapters/kernel/connections.ts'
import { canReadProcessOwners, checksInDecision, liveness } from '../adapters/kernel/processes.ts'
import { hostname, readLink } from '../adapters/kernel/procfs.ts'
import { driverEnvironment } from '../adapters/process/driver-environment.ts'
import { writeText } from '../adapters/process/terminal.ts'
import { askHistoryChild } from '../adapters/process/usage-child.ts'
import { documentFault } from '../adapters/store/document/document-check.ts'
import { checkStore, createDaemonStore } from '../adapters/store/open.ts'
import { type Administration, LocalAdministration } from '../app/administration.ts'
import { type Driver, LocalPool } from '../app/local-pool.ts'
import { LONGEST_REQUEST } from '../app/remote/protocol.ts'
import { pause } from '../app/sampling/pause.ts'
import { type Demand, SharedDriver } from '../app/sampling/shared-driver.ts'
import type { DaemonPlace, RunningDaemon } from '../cli/context.ts'
import { AnnouncingStore } from '../daemon/announcing-store.ts'
import type { Caller } from '../daemon/caller.ts'
import { Daemon } from '../daemon/daemon.ts'
import { FailureLog } from '../daemon/failure-log.ts'
import { WatchedProcesses } from '../daemon/watched-processes.ts'
import { groupAtDaemon } from '../domain/daemon-errors.ts'
import { thresholdWarning } from '../domain/observation/threshold.ts'
import type { Account, Millis, Pool, ProcessIdentity } from '../domain/pool/model.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import { poolFaults } from '../domain/pool/soundness.ts'
import type { Settings } from '../domain/settings.ts'
import type { Listener } from '../ports/daemon-listener.ts'
import type { PoolService } from '../ports/pool-service.ts'
import type { Store } from '../ports/store.ts'
import { detectChosen } from './administration.ts'
import { DaemonAccounts } from './daemon-accounts.ts'
import { openMessenger, startStopper } from './job-children.ts'
import { type Opening, providerOptions } from './open-pool.ts'
import { versionWithCommit } from './version.ts'

const IN_CONTAINER =
  'The daemon is not in the first pid namespace: only processes in its own one can run jobs or wait, and the owners of processes on GPUs are unknown'

/** Descriptors that are not for clients: the database, the driver, children. */
const OWN_DESCRIPTORS = 256

/** The greatest age of a probe that is shown as present. Simulated GPUs are always asked: their scenario may have changed. */
const RECENT_MS: Millis = 2_000

/** Serves the pool at the socket. */
export async function startDaemon(
  { settings, trace, checkGpuAccess }: Pick<Opening, 'settings' | 'trace' | 'checkGpuAccess'>,
  { socket, pool }: DaemonPlace,
): Promise<RunningDaemon> {
  prepareSocketFolder(socket)
  const watched = new WatchedProcesses(openProcessExits(), liveness, () => currentMoment().wall)
  const processes = {
    alive: (process: ProcessIdentity) => watched.alive(process),
    exitedAt: (process: ProcessIdentity) => watched.exitedAt(process),
    stopped: checksInDecision().stopped,
  }
  const store = new AnnouncingStore(await createDaemonStore(pool, currentMoment), {
    refresh: () => watched.refresh(),
    isWatched: (process) => watched.isWatched(process),
    faultIn: (changed) => documentFault(changed) ?? poolFaults(changed)[0],
  })
  const failures = new FailureLog({ write: log, clock: steadyNow })
  const failed = (error: unknown) => failures.failed(error)
  store.onCommit(() => failures.committed())
  let hasGroupLimits = limitsGroups((await store.load().catch(() => undefined))?.pool)
  store.onCommit((_, changed) => {
    hasGroupLimits = limitsGroups(changed)
  })
  const accounts = new DaemonAccounts(() => hasGroupLimits)
  const driver = sharedDriver({ settings, checkGpuAccess }, accounts)
  const traced = trace === undefined ? {} : { trace }
  const serviceFor = (caller: Caller): PoolService =>
    new LocalPool({
      ...{ store, processes, actor: async () => caller.account, groups: () => caller.groups },
      login: () => loginOfCaller(caller),
      isRequesterGone: () => watched.isGone(caller.process ?? null),
      driver: driverFor(caller, driver, settings),
      ...traced,
    })
  const own = await currentAccount()
  const daemon = new Daemon({
    ...{ version: versionWithCommit(), store, processes, watched, own, serviceFor, log: failed },
    identify: (peer) => accounts.identify(peer),
    limits: {
      ...{ startStopper, interrupts: openStopFiles(pool) },
      ...{ clock: () => currentMoment().steady.ms, pause: (ms) => Bun.sleep(ms) },
    },
    stderrOf: ({ pid }) => readLink(`/proc/${pid}/fd/2`),
    tell: openMessenger(),
    administrationFor: (caller) =>
      daemonAdministration(caller, {
        ...{ store, pool, driver, settings, checkGpuAccess, processes, service: serviceFor(caller) },
      }),
    history: (question) => askHistoryChild(pool, question),
    clock: steadyNow,
    // Each client may need a pidfd too.
    mostConnections: Math.max(32, Math.floor((descriptorLimit() - OWN_DESCRIPTORS) / 2)),
  })
  await daemon.start()
  const stop = new AbortController()
  const demand: Demand = {
    // The commands that need the store report its failure.
    pool: async () => (await store.load().catch(() => undefined))?.pool,
    isWanted: () => daemon.isWatched,
  }
  driver.keepSampling(demand, stop.signal).catch(failed)
  if (settings.fleet !== null) {
    const { publishFromDaemon } = await import('./daemon-publishing.ts')
    const service = serviceFor({ account: own, groups: [] })
    const changed = publishFromDaemon(
      { settings, pool, service, log: (what) => (typeof what === 'string' ? log(what) : failed(what)) },
      stop.signal,
    )
    if (changed !== null) store.onCommit(changed)
  }
  if (!isInFirstPidNamespace()) log(IN_CONTAINER)
  let listener: Listener | undefined
  const close = () => {
    stop.abort()
    daemon.stop()
    listener?.close()
    driver.close()
    store.close()
  }
  try {
    listener = listenAt({ path: socket, handler: daemon, limits: { longestMessage: LONGEST_REQUEST } })
  } catch (error) {
    // It may try again later, and must do nothing until then.
    close()
    throw error
  }
  return { socket, close }
}

const limitsGroups = (pool: Pool | undefined): boolean =>
  pool?.policy.limits?.some(({ scope }) => scope.kind === 'group') ?? false

/** The driver as this caller asks it. */
function driverFor(
  { threshold = null, probeTimeout, warn = () => {} }: Caller,
  driver: SharedDriver,
  settings: Settings,
): Driver {
  const isImpatient = probeTimeout !== undefined && probeTimeout < settings.probeTimeout
  return {
    sample: (pool, purpose) => {
      const warning = thresholdWarning(pool, threshold)
      if (warning !== undefined) warn(warning)
      const sample = () => driver.sample(pool, purpose)
      return isImpatient ? withinDeadline(probeTimeout, DRIVER_NAMES[pool.provider], sample) : sample()
    },
    askedThresholdMb: threshold,
    seesOwners: canReadProcessOwners,
  }
}

type Driving = Pick<Opening, 'settings' | 'checkGpuAccess'>

function sharedDriver({ settings, checkGpuAccess }: Driving, accounts: DaemonAccounts): SharedDriver {
  const env = driverEnvironment(process.env)
  return new SharedDriver({
    open: ({ provider, units }) => {
      checkGpuAccess(provider)
      const opened = openKeptProvider(provider, { ...providerOptions(units.length), env })
      return { ...opened, probe: async (deadline) => accounts.attribute(await opened.probe(deadline)) }
    },
    timeout: settings.probeTimeout,
    recentMs: ({ provider }) => (provider === 'fake' ? 0 : RECENT_MS),
    clock: () => currentMoment().steady.ms,
    pause,
    onFailure: (failure) => log(failure?.message ?? 'The GPU driver answers again'),
  })
}

interface Served extends Driving {
  readonly processes: ProcessCheck
  readonly store: AnnouncingStore
  readonly driver: SharedDriver
  /** Path of the database. */
  readonly pool: string
  readonly service: PoolService
}

/** Administers the open pool. A damaged pool can be replaced only while the daemon is down. */
function daemonAdministration(
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

async function loginOfCaller({ process, account }: Caller): Promise<Account | undefined> {
  return process === undefined || process === null ? undefined : loginOf(process.pid, account)
}

/** Writes to stderr, which the service manager keeps. */
function log(text: string): void {
  writeText(2, `canhazgpu daemon: ${text}\n`)
}
