import { unnamedAccount } from '../adapters/accounts/unnamed-account.ts'
import { currentMoment } from '../adapters/kernel/clock.ts'
import { currentProcess, unidentifiedProcess } from '../adapters/kernel/processes.ts'
import { hostname } from '../adapters/kernel/procfs.ts'
import { snapshotInherited } from '../adapters/process/inherited.ts'
import { signalMasks } from '../adapters/process/parent.ts'
import { localZone } from '../adapters/process/time-zone.ts'
import type { Persistence } from '../app/fleet/short-publisher.ts'
import type { Context, Program, RemoteCaller, TypedLine } from '../cli/context.ts'
import { asksForJson, warningText } from '../cli/failures.ts'
import { runProgram } from '../cli/program.ts'
import { ownHostName } from '../domain/fleet/host-name.ts'
import { socketPathIn } from '../domain/settings.ts'
import type { Warn } from '../domain/warnings.ts'
import type { OpenedPool } from '../ports/opened-pool.ts'
import type { Trace } from '../ports/trace.ts'
import type { Output } from '../views/words/printed.ts'
import { configuration, configurationIfValid } from './configuration.ts'
import { daemonAccess } from './daemon-access.ts'
import { newId } from './new-id.ts'
import type { PoolAccess } from './pool-access.ts'
import { standardStream } from './standard-streams.ts'
import type { Rejoin } from './successor.ts'
import { traceOf } from './trace.ts'
import { VERSION, versionWithCommit } from './version.ts'

/** Runs one command line on this machine; returns the exit status. `id`: that of the first thing that it reserves. */
export async function commandLineMain(
  args: readonly string[],
  rejoin: Rejoin | null = null,
  caller: RemoteCaller | null = null,
  id?: string,
): Promise<number> {
  const opened: OpenedPool[] = []
  const stderr = standardStream(2)
  const trace = await traceOf(process.env, (warning) => stderr.write(warningText(warning, asksForJson(args))))
  const machine: Machine = { args, stderr, rejoin, caller, trace, id, keep: (store) => opened.push(store) }
  const program: Program = {
    version: versionWithCommit(),
    stdout: standardStream(1),
    stderr,
    open: (typed) => openContext(typed, machine),
    ...(trace === undefined ? {} : { trace }),
    // The answer to a request for a forecast gets the name from the caller.
    ...(caller === null || caller.wantsForecast ? {} : { host: ownHostName(null, hostname()) }),
  }
  const status =
    args[0] === '__complete' ? await complete(args.slice(1), program) : await runProgram(args, program)
  for (const store of opened) store.close()
  if (status !== 0 && isPersistentDaemon(args)) {
    const { startAgain } = await import('./start-again.ts')
    await startAgain(args)
  }
  return status
}

/** Also with arguments or a configuration that are wrong. */
function isPersistentDaemon(args: readonly string[]): boolean {
  return args.includes('daemon') && args.includes('--keep-trying') && !args.includes('--')
}

async function complete(words: readonly string[], program: Program): Promise<number> {
  const { printCompletions } = await import('../cli/options/complete.ts')
  await printCompletions(words, program)
  return 0
}

interface Machine {
  readonly args: readonly string[]
  readonly stderr: Output
  /** The state of the waiter that executed this program. */
  readonly rejoin: Rejoin | null
  /** Present if another host asked for this command. */
  readonly caller: RemoteCaller | null
  readonly trace: Trace | undefined
  readonly id: string | undefined
  readonly keep: (store: OpenedPool) => void
}

async function openContext(
  { flags, configFile, commandLine, json, waits, examines }: TypedLine,
  { args, stderr, rejoin, caller, trace, id, keep }: Machine,
): Promise<Context> {
  // A snapshot takes half a millisecond, so commands that neither run nor wait do not take one.
  let inherited = rejoin?.inherited ?? (waits ? snapshotInherited(caller?.gate) : null)
  const warn: Warn = (warning) => stderr.write(warningText(warning, json))
  const read = examines ? configurationIfValid : configuration
  const { settings, files, lookUp } = await read({ flags, configFile, warn })
  const account = once(async () => {
    const { currentAccount } = await import('../adapters/accounts/account.ts')
    const own = await currentAccount()
    // The daemon knows the account whose container this may be.
    const isKnownHere = socket === undefined || own.userNamespace === undefined
    return isKnownHere ? own : (await (await access()).pool()).view('account')
  })
  const socket = socketPathIn(settings.store)
  const access = once(async (): Promise<PoolAccess> => {
    if (socket !== undefined) {
      return daemonAccess(socket, { settings, warn })
    }
    const { embeddedAccess } = await import('./embedded-access.ts')
    const { gpuAccess } = await import('./gpu-access.ts')
    const checkGpuAccess = gpuAccess(files, settings.store)
    const publishing = await published()
    const committed = publishing === undefined ? undefined : () => publishing.later()
    return embeddedAccess({ settings, warn, keep, account, trace, committed, checkGpuAccess })
  })
  const published = once(async () => {
    if (settings.fleet === null || socket !== undefined) return undefined
    const { publishingFor, publishLater } = await import('./publishing.ts')
    const publishing = publishingFor(settings.fleet, settings.store, configFile)
    if (publishing === undefined) return undefined
    return { publishing, later: (persistence?: Persistence) => publishLater(publishing, persistence) }
  })
  const isMoved = async () => {
    const now = await configuration({ flags, configFile, warn: () => {} }).catch(() => null)
    return now !== null && now.settings.store !== settings.store
  }
  let firstId = id
  const ignoredSignals = () => inherited?.ignoredSignals ?? signalMasks('self')?.ignored ?? 0n
  return {
    version: VERSION,
    stderr,
    settings,
    lookUp,
    commandLine,
    warn,
    account,
    requester: socket === undefined ? account : async () => unnamedAccount(),
    process: socket === undefined ? currentProcess : unidentifiedProcess,
    hostname,
    newId: () => {
      const next = firstId ?? newId()
      firstId = undefined
      return next
    },
    now: () => Date.now(),
    localZone: localZone(process.env.TZ),
    steadyClock: () => currentMoment().steady.ms,
    untilStopped,
    followMove: async () => {
      const { followMove } = await import('./followed-move.ts')
      const current = () => configuration({ flags, configFile, warn: () => {} })
      return followMove(settings.store, () =>
        current().then(
          (now) => now.settings.store,
          () => undefined,
        ),
      )
    },
    pool: async () => (await access()).pool(),
    hosts: once(async () => {
      const { openHosts } = await import('./hosts.ts')
      return openHosts(settings, {
        pool: async () => (await access()).pool(),
        publishLater: async () => (await published())?.later('once'),
      })
    }),
    administration: async () => (await access()).administration(),
    detectGpus: async (provider) => {
      const { detectHere } = await import('./detection.ts')
      return detectHere(provider, settings.probeTimeout)
    },
    readOriginal: async (redis, onPart) => {
      const { readOriginal } = await import('./original.ts')
      return readOriginal(redis, onPart)
    },
    copyPool: async (database, file) => {
      const { copyPool } = await import('../adapters/store/copy-pool.ts')
      return copyPool(database, file)
    },
    administrators: async () => {
      const { administrators } = await import('../adapters/accounts/administrators.ts')
      return administrators()
    },
    doctor: async () => {
      const { doctor } = await import('./doctor.ts')
      return doctor({ flags, configFile, settings, access })
    },
    dashboard: async () => {
      const { dashboard } = await import('./dashboard.ts')
      return dashboard(await access(), files, settings.store)
    },
    startDaemon: async (place) => {
      const { startDaemon } = await import('./daemon.ts')
      const { gpuAccess } = await import('./gpu-access.ts')
      const checkGpuAccess = gpuAccess(files, `unix://${place.socket}`)
      return startDaemon({ settings, trace, checkGpuAccess }, place)
    },
    serviceMachine: async () => {
      const { serviceMachine } = await import('./service.ts')
      return serviceMachine(settings.store)
    },
    launch: async () => {
      if (inherited === null || commandLine === null) throw new Error('there is no command to launch')
      const { openLauncher } = await import('./launcher.ts')
      const publishing = (await published())?.publishing
      return openLauncher({ store: settings.store, publishing }, inherited, commandLine.length)
    },
    keepInherited: () => {
      inherited ??= snapshotInherited(caller?.gate)
    },
    place: rejoin,
    caller,
    runOnHost: async (command) => {
      const { runOnHost } = await import('./on-host.ts')
      return runOnHost(command, { settings, args, stderr, json, ignoredSignals: ignoredSignals() })
    },
    answerForecast: async (intent) => {
      const { answerForecast } = await import('./answer-forecast.ts')
      return answerForecast(await (await access()).pool(), intent, currentProcess())
    },
    waitInQueue: async (intent, wait) =>
      (await access()).waitInQueue(intent, wait, {
        ...{ place: rejoin, ignoredSignals: ignoredSignals(), wasSignalled: caller?.wasSignalled, isMoved },
        becomeSuccessor: async (place) => {
          const { becomeSuccessor } = await import('./successor.ts')
          if (inherited !== null)
            becomeSuccessor({ ...place, inherited, ...(caller === null ? {} : { gate: caller.gate }) })
        },
      }),
    openScreen: async () => {
      const { openScreen } = await import('../adapters/process/screen.ts')
      return openScreen()
    },
    openWaker: async () => {
      const { changeCalls, openWaker } = await import('./waker.ts')
      const wakeups = await (await access()).changes()
      return openWaker(changeCalls(wakeups), { ignored: ignoredSignals(), commandFollows: false })
    },
  }
}

/** Ctrl-C sends SIGINT and a service manager sends SIGTERM; both stop the program. */
function untilStopped(): Promise<void> {
  // From now on, compiled functions pay off (`jitPolicy` in scripts/build.ts).
  Bun.unsafe.setJITPolicy(1)
  const { promise, resolve } = Promise.withResolvers<void>()
  const signals = ['SIGTERM', 'SIGINT'] as const
  const stop = () => {
    for (const signal of signals) process.off(signal, stop)
    resolve()
  }
  for (const signal of signals) process.on(signal, stop)
  return promise
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined
  return () => {
    made ??= make()
    return made
  }
}
