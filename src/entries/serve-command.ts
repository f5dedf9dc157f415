import { unidentifiedProcess } from '../adapters/kernel/processes.ts'
import { readText } from '../adapters/kernel/procfs.ts'
import { zoneIdentity } from '../adapters/process/zone-identity.ts'
import { readConfiguration, settingsFrom } from '../adapters/settings/config.ts'
import type { Context, TypedLine } from '../cli/context.ts'
import { warningText } from '../cli/failures.ts'
import { runProgram } from '../cli/program.ts'
import type { OpenServed } from '../daemon/session-parts.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import type { ServedCommand, ServedDisplay, ServedResult } from '../domain/operation/served-command.ts'
import { findsNothing, MACHINE_FILE } from '../domain/settings.ts'
import type { Output } from '../views/words/printed.ts'
import { VERSION, versionWithCommit } from './version.ts'

/** The runtime keeps the zone that it started with. */
const ownZone = zoneIdentity(process.env.TZ)

/**
 * Performs the command line of a client, for the account of its connection. Null if only a process of the client can: the
 * command needs its terminal, its time zone or other parts of it.
 */
export async function serveCommand(command: ServedCommand, open: OpenServed): Promise<ServedResult | null> {
  const { words, version, timeZone, machineConfiguration } = command
  if (version !== versionWithCommit() || timeZone !== ownZone) return null
  // In a container the daemon may have another file, or none.
  if (machineConfiguration !== readText(MACHINE_FILE)) return null
  const printed: [1 | 2, string][] = []
  let isDeclined = false
  const decline = (): never => {
    isDeclined = true
    throw new Error('this command needs a process of its own')
  }
  const output = (fd: 1 | 2, { terminal, color, columns }: ServedDisplay): Output => ({
    ...{ terminal, color, columns: columns ?? Number.POSITIVE_INFINITY },
    write: (text) => void printed.push([fd, text]),
  })
  const stderr = output(2, command.stderr)
  const status = await runProgram(words, {
    version: versionWithCommit(),
    stdout: output(1, command.stdout),
    stderr,
    open: (typed) => openServed(typed, { command, open, stderr, decline }),
    trace: (event) => {
      // A bug: the process of the client reports it.
      if (event.kind === 'error' && !(event.error instanceof CanhazgpuError)) isDeclined = true
    },
  })
  return isDeclined ? null : { printed, status }
}

interface Serving {
  readonly command: ServedCommand
  readonly open: OpenServed
  readonly stderr: Output
  /** Ends the attempt. */
  readonly decline: () => never
}

async function openServed(
  { flags, configFile, commandLine, json, waits, examines }: TypedLine,
  { command, open, stderr, decline }: Serving,
): Promise<Context> {
  const isPlain = Object.keys(flags).length === 0 && configFile === undefined && commandLine === null
  if (!isPlain || waits || examines) return decline()
  const { settings, lookUp } = await machineConfiguration(command.machineConfiguration, decline)
  const { machineStore } = command
  if (machineStore !== null && machineStore !== settings.store) return decline()
  const { memoryThreshold: threshold, probeTimeout } = settings
  const warn: Context['warn'] = (warning) => stderr.write(warningText(warning, json))
  return {
    ...{ version: VERSION, stderr, settings, lookUp, commandLine, warn },
    pool: async () => open({ threshold, probeTimeout }, warn),
    // The daemon takes both from the kernel.
    requester: async () => ({ uid: 0, name: '' }),
    process: unidentifiedProcess,
    newId: () => command.id,
    now: () => Date.now(),
    ...{ place: null, caller: null },
    ...{
      account: decline,
      hostname: decline,
      localZone: decline,
      steadyClock: decline,
      untilStopped: decline,
    },
    ...{ followMove: decline, hosts: decline, administration: decline, detectGpus: decline },
    ...{ readOriginal: decline, copyPool: decline, administrators: decline, doctor: decline },
    ...{ dashboard: decline, startDaemon: decline, serviceMachine: decline, launch: decline },
    ...{ keepInherited: decline, runOnHost: decline, answerForecast: decline, waitInQueue: decline },
    ...{ openWaker: decline, openScreen: decline },
  }
}

const WITHOUT_FILE = { lookUp: findsNothing, settings: settingsFrom({ flags: {}, env: {} }, []) }

/** The configuration file of the machine, unless it has a fault: then the process of the client reports it. */
async function machineConfiguration(text: string | null, decline: () => never) {
  if (text === null) return WITHOUT_FILE
  try {
    const { files, lookUp } = await readConfiguration({ env: {}, warn: decline })
    if (files.length > 0) {
      const { checkKeys } = await import('../cli/options/known-keys.ts')
      await checkKeys(files, decline)
    }
    return { lookUp, settings: settingsFrom({ flags: {}, env: {} }, files) }
  } catch {
    return decline()
  }
}
