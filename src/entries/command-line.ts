import { currentMoment } from '../adapters/kernel/clock.ts'
import { currentProcess, livenessInDecision, stoppedInDecision } from '../adapters/kernel/processes.ts'
import { hostname } from '../adapters/kernel/procfs.ts'
import { snapshotInherited } from '../adapters/process/inherited.ts'
import { signalMasks } from '../adapters/process/parent.ts'
import { isTerminal, terminalSize, writeText } from '../adapters/process/terminal.ts'
import { readConfiguration, settingsFrom } from '../adapters/settings/config.ts'
import type { Context, Program, TypedLine } from '../cli/context.ts'
import { asksForJson, warningText } from '../cli/failures.ts'
import { runProgram } from '../cli/program.ts'
import { socketPathIn } from '../domain/settings.ts'
import type { Warn } from '../domain/warnings.ts'
import type { OpenedPool } from '../ports/opened-pool.ts'
import type { PoolService } from '../ports/pool-service.ts'
import type { LockPatience } from '../ports/store.ts'
import type { Trace } from '../ports/trace.ts'
import type { Output } from '../views/words/printed.ts'
import { type Opening, openPoolStore, poolServiceMaker } from './open-pool.ts'
import type { Rejoin } from './successor.ts'
import { traceOf } from './trace.ts'
import { VERSION, versionWithCommit } from './version.ts'

/** Runs one command line on this machine; returns the exit status. */
export async function commandLineMain(
  args: readonly string[],
  rejoin: Rejoin | null = null,
): Promise<number> {
  const opened: OpenedPool[] = []
  const stderr = output(2)
  const trace = await traceOf(process.env, (warning) => stderr.write(warningText(warning, asksForJson(args))))
  const machine: Machine = { stderr, rejoin, trace, keep: (store) => opened.push(store) }
  const program: Program = {
    version: versionWithCommit(),
    stdout: output(1),
    stderr,
    open: (typed) => openContext(typed, machine),
    ...(trace === undefined ? {} : { trace }),
  }
  const status =
    args[0] === '__complete' ? await complete(args.slice(1), program) : await runProgram(args, program)
  for (const store of opened) store.close()
  return status
}

function output(fd: 1 | 2): Output {
  const terminal = isTerminal(fd)
  const color = terminal && (process.env.NO_COLOR ?? '') === '' && process.env.TERM !== 'dumb'
  return {
    write: (text) => writeText(fd, text),
    terminal,
    color,
    get columns() {
      return terminal ? terminalSize(fd).columns : Number.POSITIVE_INFINITY
    },
  }
}

async function complete(words: readonly string[], program: Program): Promise<number> {
  const { printCompletions } = await import('../cli/options/complete.ts')
  await printCompletions(words, program)
  return 0
}

interface Machine {
  readonly stderr: Output
  /** The state of the waiter that executed this program. */
  readonly rejoin: Rejoin | null
  readonly trace: Trace | undefined
  readonly keep: (store: OpenedPool) => void
}

async function openContext(
  { flags, configFile, commandLine, json, waits }: TypedLine,
  { stderr, rejoin, trace, keep }: Machine,
): Promise<Context> {
  // A snapshot takes half a millisecond, so commands that neither run nor wait do not take one.
  let inherited = rejoin?.inherited ?? (waits ? snapshotInherited() : null)
  const warn: Warn = (warning) => stderr.write(warningText(warning, json))
  const { settings, files, lookUp } = await configuration({ flags, configFile, warn })
  const account = once(async () => {
    const { currentAccount } = await import('../adapters/accounts/account.ts')
    return currentAccount()
  })
  const processes = { alive: livenessInDecision(), stopped: stoppedInDecision() }
  const opening: Opening = { settings, warn, keep, account, processes, trace }
  const socket = socketPathIn(settings.store)
  const local = once((patience?: LockPatience) => openPoolStore(opening, patience))
  const serviceOf = poolServiceMaker(opening)
  const remote = once(async () => {
    const { daemonPool } = await import('./daemon-client.ts')
    return daemonPool(socket ?? '', settings.memoryThreshold)
  })
  const ignoredSignals = () => inherited?.ignoredSignals ?? signalMasks('self')?.ignored ?? 0n
  return {
    version: VERSION,
    stderr,
    settings,
    lookUp,
    commandLine,
    warn,
    account,
    process: currentProcess,
    hostname,
    newId: () => crypto.randomUUID().replaceAll('-', '').slice(0, 12),
    now: () => Date.now(),
    steadyClock: () => currentMoment().steady.ms,
    untilStopped,
    pool: async () => (socket === undefined ? serviceOf(await local()) : remote()),
    administration: async () => {
      if (socket !== undefined) {
        const { remoteAdministration } = await import('./daemon-client.ts')
        return remoteAdministration(await remote())
      }
      const { administration } = await import('./administration.ts')
      return administration(opening)
    },
    dashboard: async () => {
      const { dashboard } = await import('./dashboard.ts')
      return dashboard(opening, files, socket === undefined ? null : await remote())
    },
    startDaemon: async (place) => {
      const { startDaemon } = await import('./daemon.ts')
      return startDaemon(opening, place)
    },
    launch: async () => {
      if (inherited === null || commandLine === null) throw new Error('there is no command to launch')
      const { openLauncher } = await import('./launcher.ts')
      return openLauncher(settings.store, inherited, commandLine.length)
    },
    keepInherited: () => {
      inherited ??= snapshotInherited()
    },
    place: rejoin,
    waitInQueue: async (intent, wait) => {
      if (socket !== undefined) {
        const { waitRemotely } = await import('./daemon-client.ts')
        return waitRemotely(await remote(), intent, { ...wait, ignoredSignals: ignoredSignals() })
      }
      const { waitLocally } = await import('./local-wait.ts')
      return waitLocally(intent, wait, {
        ...{ openStore: local, serve: serviceOf, processes, place: rejoin, ignoredSignals: ignoredSignals() },
        becomeSuccessor: async (place) => {
          const { becomeSuccessor } = await import('./successor.ts')
          if (inherited !== null) becomeSuccessor({ ...place, inherited })
        },
      })
    },
    openScreen: async () => {
      const { openScreen } = await import('../adapters/process/screen.ts')
      return openScreen()
    },
    openWaker: async () => {
      const { changeCalls, openWaker } = await import('./waker.ts')
      const wakeups = socket === undefined ? await local() : changesOf(await remote())
      return openWaker(changeCalls(wakeups), { ignored: ignoredSignals(), commandFollows: false })
    },
  }
}

interface Configuring extends Pick<TypedLine, 'flags'> {
  readonly configFile: string | undefined
  readonly warn: Warn
}

async function configuration({ flags, configFile, warn }: Configuring) {
  const { env } = process
  const { files, lookUp } = await readConfiguration({
    env,
    warn,
    ...(configFile === undefined ? {} : { configFile }),
  })
  if (files.length > 0) {
    const { checkKeys } = await import('../cli/options/known-keys.ts')
    await checkKeys(files, warn)
  }
  return { files, lookUp, settings: settingsFrom({ flags, env }, files) }
}

const changesOf = (pool: PoolService) => ({ changes: (signal: AbortSignal) => pool.events(signal) })

/** Ctrl-C sends SIGINT and a service manager sends SIGTERM; both stop the program. */
function untilStopped(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const signals = ['SIGTERM', 'SIGINT'] as const
  const stop = () => {
    for (const signal of signals) process.off(signal, stop)
    resolve()
  }
  for (const signal of signals) process.on(signal, stop)
  return promise
}

function once<Value, How>(make: (how?: How) => Promise<Value>): (how?: How) => Promise<Value> {
  let made: Promise<Value> | undefined
  return (how) => {
    made ??= make(how)
    return made
  }
}
