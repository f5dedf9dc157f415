import { currentMoment } from '../adapters/kernel/clock.ts'
import {
  currentProcess,
  livenessInDecision,
  seesProcessOwners,
  stoppedInDecision,
} from '../adapters/kernel/processes.ts'
import { readText } from '../adapters/kernel/procfs.ts'
import { snapshotInherited } from '../adapters/process/inherited.ts'
import { signalMasks } from '../adapters/process/parent.ts'
import { isTerminal, writeText } from '../adapters/process/terminal.ts'
import { readConfiguration, settingsFrom } from '../adapters/settings/config.ts'
import {
  checkStore,
  createStore,
  openStore,
  openStoreAsAdministrator,
  poolOwner,
  setAsideStore,
  storedPlace,
  storePlace,
} from '../adapters/store/open.ts'
import type { Deps } from '../app/deps.ts'
import type { Edge, Surroundings } from '../cli/edge.ts'
import { warningText } from '../cli/failures.ts'
import { runProgram } from '../cli/program.ts'
import type { World } from '../cli/world.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import { looserThan } from '../domain/observation/threshold.ts'
import type { ProviderName } from '../domain/pool/model.ts'
import type { Settings } from '../domain/settings.ts'
import type { GpuProvider, Store } from '../ports/ports.ts'
import type { Rejoin } from './successor.ts'
import { openWaker } from './waker.ts'

/** Runs one command line against this machine; returns the exit status. */
export async function commandLineMain(
  args: readonly string[],
  version: string,
  rejoin: Rejoin | null = null,
): Promise<number> {
  const color = (process.env.NO_COLOR ?? '') === '' && process.env.TERM !== 'dumb'
  const lookOf = (fd: 1 | 2) => ({ terminal: isTerminal(fd), color: color && isTerminal(fd) })
  const opened: Store[] = []
  const edge: Edge = {
    version,
    stdout: (text) => writeText(1, text),
    stderr: (text) => writeText(2, text),
    look: { stdout: lookOf(1), stderr: lookOf(2) },
    world: (surroundings) => thisMachine(surroundings, { version, opened, rejoin }),
  }
  const status = args[0] === '__complete' ? await complete(args.slice(1), edge) : await runProgram(args, edge)
  for (const store of opened) store.close()
  return status
}

interface Launch {
  readonly version: string
  readonly opened: Store[]
  /** Of the waiter that became this program. */
  readonly rejoin: Rejoin | null
}

async function complete(words: readonly string[], edge: Edge): Promise<number> {
  const { printCompletions } = await import('../cli/options/complete.ts')
  await printCompletions(words, edge)
  return 0
}

async function thisMachine(
  { flags, configFile, operands, commandLine, json, waits }: Surroundings,
  { version, opened, rejoin }: Launch,
): Promise<World> {
  const inherited = waits ? (rejoin?.inherited ?? snapshotInherited()) : null
  const warn = (message: string) => writeText(2, warningText(message, json))
  const { env } = process
  const configuration = await readConfiguration({
    env,
    warn,
    ...(configFile === undefined ? {} : { configFile }),
  })
  if (configuration.files.length > 0) {
    const { checkKeys } = await import('../cli/options/known-keys.ts')
    await checkKeys(configuration.files, warn)
  }
  const settings = settingsFrom({ flags, env }, configuration.files)
  storePlace(settings.store)
  return {
    settings,
    lookUp: configuration.lookUp,
    commandLine,
    operands,
    account: async () => {
      const { currentAccount } = await import('../adapters/accounts/account.ts')
      return currentAccount()
    },
    process: currentProcess,
    version,
    hostname: () => readText('/proc/sys/kernel/hostname')?.trim() ?? 'localhost',
    newId: () => crypto.randomUUID().replaceAll('-', '').slice(0, 12),
    now: () => Date.now(),
    deps: once(async (patience) => {
      const deps = await openDeps(settings, warn, () => openStore(settings.store, currentMoment, patience))
      opened.push(deps.store)
      return deps
    }),
    administratorDeps: async () => {
      const deps = await openDeps(settings, warn, () =>
        openStoreAsAdministrator(settings.store, currentMoment),
      )
      opened.push(deps.store)
      return deps
    },
    lastingDeps: () => openLastingDeps(settings, warn),
    askUsage: async (question) => {
      const { usageOfChild } = await import('../adapters/process/usage-process.ts')
      return usageOfChild(settings.store, question)
    },
    warn,
    exposedPasswords: async () => {
      const { exposedPasswords } = await import('../adapters/settings/config-file.ts')
      return exposedPasswords(configuration.files)
    },
    connections: async () => {
      const os = await import('../adapters/kernel/connections.ts')
      return {
        limit: os.descriptorLimit,
        lowestFree: os.lowestFreeDescriptor,
        open: os.openConnections,
        close: os.closeConnection,
      }
    },
    poolPlace: async (group) => {
      const gid = group === undefined ? undefined : await groupIdOf(group)
      return {
        open: () => openIfPresent(settings),
        create: () => createStore(settings.store, currentMoment, gid),
        setAside: () => setAsideStore(settings.store, currentMoment, gid),
        forGroup: gid !== undefined,
      }
    },
    checkPool: () => checkStore(settings.store),
    poolOwner: () => poolOwner(settings.store),
    storedPlace: () => storedPlace(settings.store),
    detectGpus: async (choice, fakeCount) => {
      if (choice !== undefined && choice !== 'nvidia' && choice !== 'amd') {
        return (await provide(choice, fakeCount)).probe(settings.probeTimeout)
      }
      const { detectGpus } = await import('../adapters/gpu/detect.ts')
      return detectGpus(settings.probeTimeout, process.env, choice)
    },
    launch: async () => {
      if (inherited === null || commandLine === null) throw new Error('there is no command to launch')
      const { openLauncher } = await import('./launcher.ts')
      return openLauncher(settings.store, inherited, commandLine.length)
    },
    stderr: { write: (text) => writeText(2, text), terminal: isTerminal(2) },
    steadyClock: () => currentMoment().steady.ms,
    untilStopped,
    place: rejoin,
    becomeSuccessor: async (place) => {
      const { becomeSuccessor } = await import('./successor.ts')
      if (inherited !== null) becomeSuccessor({ ...place, inherited })
    },
    openWaker: (store, intent) =>
      openWaker(store, {
        ignored: inherited?.ignoredSignals ?? signalMasks('self')?.ignored ?? 0n,
        ...(intent === undefined ? {} : { intent }),
      }),
  }
}

async function groupIdOf(name: string): Promise<number> {
  const { groupId } = await import('../adapters/accounts/users.ts')
  return groupId(name)
}

/** Ctrl-C and a service manager want the same. */
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

type Warn = (message: string) => void

async function openDeps(settings: Settings, warn: Warn, open: () => Promise<Store>): Promise<Deps> {
  let warned = false
  return {
    store: await open().catch((error) => withGpuCount(error, settings)),
    alive: livenessInDecision(),
    stopped: stoppedInDecision(),
    providerOf: (pool) => {
      const refusal = looserThan(pool, settings.memoryThreshold)
      if (refusal !== undefined && !warned) warn(refusal)
      warned = true
      return provide(pool.provider, pool.units.length)
    },
    probeTimeout: settings.probeTimeout,
    seesProcessOwners,
    memoryThreshold: settings.memoryThreshold,
  }
}

async function openLastingDeps(settings: Settings, warn: Warn): Promise<Deps> {
  const { LastingStore } = await import('../adapters/store/lasting.ts')
  const open = () => openStore(settings.store, currentMoment)
  const deps = await openDeps(settings, warn, open)
  return { ...deps, store: new LastingStore(deps.store, open) }
}

async function provide(name: ProviderName, gpuCount: number): Promise<GpuProvider> {
  const { openProvider } = await import('../adapters/gpu/provider.ts')
  return openProvider(name, {
    gpuCount,
    fakeUsageFile: process.env.CANHAZGPU_FAKE_USAGE || undefined,
    env: process.env,
  })
}

async function openIfPresent(settings: Settings): Promise<Store | null> {
  try {
    return await openStoreAsAdministrator(settings.store, currentMoment)
  } catch (error) {
    if (isNotInitialized(error)) return null
    throw error
  }
}

const isNotInitialized = (error: unknown): boolean =>
  error instanceof CanhazgpuError && error.code === 'pool-not-initialized'

/** Where the driver tells at once how many GPUs there are, the advice says so. */
async function withGpuCount(error: unknown, settings: Settings): Promise<never> {
  if (!isNotInitialized(error)) throw error
  const { detectGpus } = await import('../adapters/gpu/detect.ts')
  const probe = await detectGpus(Math.min(settings.probeTimeout, 3_000), process.env).catch(() => null)
  if (probe === null) throw error
  throw new CanhazgpuError(
    'pool-not-initialized',
    `GPU pool not initialized - run 'canhazgpu admin --gpus ${probe.readings.length}' first`,
  )
}
