import { currentAccount } from '../adapters/accounts/account.ts'
import { listenAt } from '../adapters/daemon/listen.ts'
import { openProcessExits } from '../adapters/daemon/process-exits.ts'
import { prepareSocketFolder } from '../adapters/daemon/socket-path.ts'
import { openStopFiles } from '../adapters/daemon/stop-file.ts'
import { isInFirstPidNamespace } from '../adapters/kernel/boot.ts'
import { currentMoment, steadyNow } from '../adapters/kernel/clock.ts'
import { descriptorLimit } from '../adapters/kernel/connections.ts'
import { checksInDecision, liveness } from '../adapters/kernel/processes.ts'
import { readLink } from '../adapters/kernel/procfs.ts'
import { writeText } from '../adapters/process/terminal.ts'
import { askHistoryChild } from '../adapters/process/usage-child.ts'
import { documentFault } from '../adapters/store/document/document-check.ts'
import { createDaemonStore } from '../adapters/store/open.ts'
import { LocalPool } from '../app/local-pool.ts'
import { LONGEST_REQUEST } from '../app/remote/protocol.ts'
import type { Demand } from '../app/sampling/shared-driver.ts'
import type { DaemonPlace, RunningDaemon } from '../cli/context.ts'
import { AnnouncingStore } from '../daemon/announcing-store.ts'
import type { Caller } from '../daemon/caller.ts'
import { Daemon } from '../daemon/daemon.ts'
import { DecisionRates } from '../daemon/decision-rates.ts'
import { EndedReservations } from '../daemon/ended-reservations.ts'
import { FailureLog } from '../daemon/failure-log.ts'
import { FairTurns } from '../daemon/fair-turns.ts'
import { WatchedProcesses } from '../daemon/watched-processes.ts'
import type { Pool, ProcessIdentity } from '../domain/pool/model.ts'
import { poolFaults } from '../domain/pool/soundness.ts'
import type { Listener } from '../ports/daemon-listener.ts'
import type { PoolService } from '../ports/pool-service.ts'
import { DaemonAccounts } from './daemon-accounts.ts'
import { daemonAdministration, loginOfCaller } from './daemon-administration.ts'
import { driverFor, openSharedDriver } from './daemon-driver.ts'
import { openMessenger, startStopper } from './job-children.ts'
import type { Opening } from './open-pool.ts'
import { versionWithCommit } from './version.ts'

const IN_CONTAINER =
  'The daemon is not in the first pid namespace: only processes in its own one can run jobs or wait, and the owners of processes on GPUs are unknown'

/** Descriptors that are not for clients: the database, the driver, children. */
const OWN_DESCRIPTORS = 256

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
  const own = await currentAccount()
  const changes = new FairTurns({ mostAtOnce: 1, mostPerAccount: 1, clock: steadyNow })
  const decisionRates = new DecisionRates(steadyNow)
  const store = new AnnouncingStore({
    ...{ store: await createDaemonStore(pool, currentMoment), uid: own.uid },
    checks: {
      refresh: () => watched.refresh(),
      isWatched: (process) => watched.isWatched(process),
      faultIn: (changed) => documentFault(changed) ?? poolFaults(changed)[0],
    },
    timed: (uid, decide) => {
      const began = steadyNow()
      const decision = decide()
      decisionRates.took(uid, steadyNow() - began)
      return decision
    },
    inTurn: (uid, change) => void changes.add(uid, { size: 0, perform: change }),
  })
  const failures = new FailureLog({ write: log, clock: steadyNow })
  const failed = (error: unknown) => failures.failed(error)
  store.onCommit(() => failures.committed())
  const ended = new EndedReservations()
  store.onCommit((before, after) => ended.follow(before, after))
  let hasGroupLimits = limitsGroups((await store.load().catch(() => undefined))?.pool)
  store.onCommit((_, changed) => {
    hasGroupLimits = limitsGroups(changed)
  })
  const accounts = new DaemonAccounts(() => hasGroupLimits)
  const driver = openSharedDriver(
    { settings, checkGpuAccess },
    { attribute: (probe) => accounts.attribute(probe), log },
  )
  const traced = trace === undefined ? {} : { trace }
  const serviceFor = (caller: Caller): PoolService =>
    new LocalPool({
      ...{ store: store.for(caller.account.uid), processes, groups: () => caller.groups },
      actor: async () => caller.account,
      login: () => loginOfCaller(caller),
      isRequesterGone: () => watched.isGone(caller.process ?? null),
      hasEnded: (id) => ended.has(id),
      driver: driverFor(caller, driver, settings),
      ...traced,
    })
  const daemon = new Daemon({
    ...{
      version: versionWithCommit(),
      store,
      processes,
      watched,
      own,
      serviceFor,
      log: failed,
      decisionRates,
    },
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
    serveCommand: async (command, open) => {
      const { serveCommand } = await import('./serve-command.ts')
      return serveCommand(command, open)
    },
    clock: steadyNow,
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
    listener = listenAt({
      ...{ path: socket, handler: daemon, limits: { longestMessage: LONGEST_REQUEST } },
      // Each client may need a pidfd too.
      mostConnections: Math.max(32, Math.floor((descriptorLimit() - OWN_DESCRIPTORS) / 2)),
    })
  } catch (error) {
    // It may try again later, and must do nothing until then.
    close()
    throw error
  }
  return { socket, close }
}

const limitsGroups = (pool: Pool | undefined): boolean =>
  pool?.policy.limits?.some(({ scope }) => scope.kind === 'group') ?? false

/** Writes to stderr, which the service manager keeps. */
function log(text: string): void {
  writeText(2, `canhazgpu daemon: ${text}\n`)
}
