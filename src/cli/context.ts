import type { Administration } from '../app/administration.ts'
import type { Hosts } from '../app/fleet/hosts.ts'
import type { WaitProgress } from '../app/waiting/wait-progress.ts'
import type { Waker } from '../app/waiting/waiting.ts'
import type { Check, Finding } from '../domain/diagnosis/finding.ts'
import type { Variables } from '../domain/observation/device-variables.ts'
import type { Grant, Intent } from '../domain/operation/intent.ts'
import type { Refusal } from '../domain/operation/refusal.ts'
import type { TakeOver } from '../domain/original/take-over.ts'
import type {
  Account,
  Millis,
  Moment,
  Probe,
  ProcessIdentity,
  ProviderChoice,
  TimeLimit,
  UnitId,
} from '../domain/pool/model.ts'
import type { Settings } from '../domain/settings.ts'
import type { LocalOffset } from '../domain/text/when.ts'
import type { Warn, Warning } from '../domain/warnings.ts'
import type { OpenedPool } from '../ports/opened-pool.ts'
import type { PoolService } from '../ports/pool-service.ts'
import type { OnPart } from '../ports/progress.ts'
import type { Screen } from '../ports/screen.ts'
import type { ServiceMachine, ServicePlace } from '../ports/service-machine.ts'
import type { Trace } from '../ports/trace.ts'
import type { UsageQuestion } from '../views/documents/usage-answer.ts'
import type { Parts } from '../views/fleet/own-part.ts'
import type { Output } from '../views/words/printed.ts'
import type { Connections } from '../web/access/connection-limit.ts'
import type { LookUp } from './options/configured.ts'
import type { Option } from './options/option.ts'

/** The parts of a process that exist before a command line is read. */
export interface Program {
  readonly version: string
  readonly stdout: Output
  readonly stderr: Output
  /** Opens the context of a command. Throws `usage` or `config-invalid` for settings that cannot be used. */
  readonly open: (typed: TypedLine) => Promise<Context>
  /** Present if another host asked for this command: the name of this host, for failures. */
  readonly host?: string
  /** Present if the user requested a trace. */
  readonly trace?: Trace
}

/** The parts of the command line that a context uses. */
export interface TypedLine {
  readonly flags: Readonly<Partial<Record<keyof Settings, string>>>
  readonly configFile?: string
  readonly json: boolean
  /** The words after `--`; null without `--`. */
  readonly commandLine: readonly string[] | null
  /** Whether the command examines the configuration itself. A wrong configuration must not stop it. */
  readonly examines: boolean
  /** Whether the command will wait in the queue or execute another program. */
  readonly waits: boolean
}

/** All that a command may use of its machine. Each part is opened when a command first uses it. */
export interface Context {
  readonly version: string
  readonly stderr: Output
  readonly settings: Settings
  /** Finds the default of an option in the environment and in configuration files. */
  readonly lookUp: LookUp
  /** The words after `--`; null without `--`. */
  readonly commandLine: readonly string[] | null
  /** Prints a warning on stderr. */
  readonly warn: Warn

  readonly account: () => Promise<Account>
  /** The account and the process of a request. A daemon takes both from the kernel, so they are not looked up for it. */
  readonly requester: () => Promise<Account>
  readonly process: () => ProcessIdentity
  readonly hostname: () => string
  readonly newId: () => string
  readonly now: () => Millis
  /** The time zone of this process. A call throws `usage` if it is not known. */
  readonly localZone: LocalOffset
  readonly steadyClock: () => Millis
  /** Resolves at the first SIGTERM or SIGINT; a second signal ends the process at once. */
  readonly untilStopped: () => Promise<void>
  /** Notices that the configuration names another pool. */
  readonly followMove: () => Promise<FollowedMove>

  readonly pool: () => Promise<PoolService>
  /** This host and the other hosts of the configuration. */
  readonly hosts: () => Promise<Hosts<Parts>>
  readonly administration: () => Promise<Administration>
  /** Detects the GPUs of this machine with the named provider, or else with each provider. Needs no pool. */
  readonly detectGpus: (provider?: ProviderChoice) => Promise<Probe>
  /** Reads the pool of an original canhazgpu, for a new pool on this machine. */
  readonly readOriginal: (redis: URL, onPart: OnPart) => Promise<OriginalToTakeOver>
  /** Writes a copy of the database, which others may use, to a new file. Returns its path. */
  readonly copyPool: (database: string, file: string) => Promise<string>
  /** Names of the accounts that may use sudo, as far as the groups of this machine tell. */
  readonly administrators: () => Promise<readonly string[]>
  readonly doctor: () => Promise<Doctor>
  readonly dashboard: () => Promise<Dashboard>
  /** Serves a pool at a socket, until it is closed. */
  readonly startDaemon: (place: DaemonPlace) => Promise<RunningDaemon>
  /** What `service` changes, and the path of the pool unless `--pool` names another. */
  readonly serviceMachine: () => Promise<{ readonly machine: ServiceMachine; readonly place: ServicePlace }>

  /** Finds the program by the rules of execvp(3). Throws `command-not-found` or `command-not-executable`. */
  readonly launch: () => Promise<Launcher>
  /**
   * Saves the inherited state of this process for its successor. A command that waits because of its configuration
   * calls it before it opens anything.
   */
  readonly keepInherited: () => void
  /** The place in the queue that an earlier version of this program passed to this process. */
  readonly place: Place | null
  /** Present if another host asked for this command: it runs here, whatever `--host` is by default. */
  readonly caller: RemoteCaller | null
  /**
   * Runs this command on another host, as it was typed, and ends as it ends. Returns if that host is this one. If any
   * host will do, it returns how to look for another one.
   */
  readonly runOnHost: (command: HostedCommand) => Promise<LookFurther | null>
  /** Prints when the request could start, and ends. */
  readonly answerForecast: (intent: Intent) => Promise<never>
  /** Waits in the queue until the GPUs are granted, or the request is refused. Throws `interrupted` after a signal. */
  readonly waitInQueue: (intent: Intent, wait: QueueWait) => Promise<Grant | Refusal>
  /** Wakes on signals and on changes of the pool. While it is open, Ctrl-C does not end this process. */
  readonly openWaker: () => Promise<Waker & { close(): void }>
  /** Takes control of the terminal on stdout. */
  readonly openScreen: () => Promise<Screen>
}

export interface OriginalToTakeOver {
  readonly provider: ProviderChoice
  readonly gpuCount: number
  readonly takeOver: TakeOver
}

/** Examines the machine. */
export interface Doctor {
  /** In this process, which may hang. */
  readonly examine: (check: Check) => Promise<readonly Finding[]>
  /** Each in its own process, which is given up after a deadline. */
  readonly examineApart: (checks: readonly Check[]) => Promise<readonly Finding[]>
  /**
   * Examines, and writes an archive for a bug report, without names. Throws `failure` before the examination if there is
   * something at the path.
   */
  readonly writeBundle: (path: string, examine: () => Promise<readonly Finding[]>) => Promise<WrittenFiles>
  /** Writes a folder with the answers of the drivers. */
  readonly writeCapture: (path: string) => Promise<WrittenFiles>
}

export interface WrittenFiles {
  /** The archive or the folder. */
  readonly path: string
  readonly contents: readonly string[]
}

/** For `web`, which runs until it is stopped. */
export interface Dashboard {
  /** Opens the pool. It is opened again after an error, and when another pool replaces it. */
  readonly pool: () => Promise<PoolService>
  /** Answers a question about the history as JSON. Another process does the work. */
  readonly askUsage: (question: UsageQuestion) => Promise<string>
  /** The Unix groups of accounts by uid, as far as they are known. */
  readonly groupsOf: (accounts: readonly Account[]) => Promise<ReadonlyMap<number, readonly number[]>>
  readonly connections: Connections
  /** Opens a store in memory, without a pool. */
  readonly emptyStore: (now: () => Moment) => OpenedPool
  /** A warning for each configuration file with a password that other users can read. */
  readonly exposedPasswords: () => Promise<readonly Warning[]>
}

export interface QueueWait {
  /** In steady time; absent if the waiter has no time limit. */
  readonly until?: Millis
  /** Called after every read of the queue, also if nothing changed. */
  readonly onProgress: (progress: WaitProgress) => void
  /** Called when the daemon has not answered for longer than a restart takes, with that time. */
  readonly onAway: (ms: Millis) => void
  /** Called before this process is replaced by a newer version, which waits on. */
  readonly beforeSuccessor: () => void
}

export interface DaemonPlace {
  readonly socket: string
  /** Path of the database. */
  readonly pool: string
}

export interface FollowedMove {
  /** Resolves when the pool was moved and can be opened at its new place. */
  readonly hasMoved: Promise<void>
  stop(): void
  /** Executes this command line again, in this process. Returns if no program is installed any more. */
  startAgain(): void
}

export interface RunningDaemon {
  readonly socket: string
  close(): void
}

/** A place in the queue that a waiter passes to its successor. */
export interface Place {
  readonly entry: string
  /** In steady time; absent if the waiter has no time limit. */
  readonly giveUpAt?: Millis
}

/** The caller of a command on another host. */
export interface RemoteCaller {
  /** Our descriptor of the connection to the process that serves it. */
  readonly gate: number
  /** It asks only when the command could start. */
  readonly wantsForecast: boolean
  /** Asks whether it still waits for the GPUs that were just granted; false if it is gone. */
  readonly agrees: () => boolean | Promise<boolean>
  /** Whether a signal has come that ends a wait; absent if a signal ends this process. */
  readonly wasSignalled?: () => boolean
}

/** A command for another host. */
export interface HostedCommand {
  readonly name: 'run' | 'reserve' | 'release'
  /** Its own options. */
  readonly options: readonly Option[]
  /** A name of the configuration, or `any`. */
  readonly host: string
  /** How long it may wait in a queue; absent: not at all. */
  readonly wait?: Millis | true
  /** The working folder there; absent: the same as here. */
  readonly workdir?: string
}

/** Runs the command on another host than this one, as `runOnHost`. Returns if this host is still the best one. */
export type LookFurther = () => Promise<void>

/** A command that was found and can be started. */
export interface Launcher {
  /** Starts the supervisor of this process, but not as its child. The supervisor follows this task, not the pool. */
  readonly startSupervisor: (task: Supervised) => void
  /** Replaces this process by the command, once its own children have ended; returns only by throwing. */
  readonly become: (variables: Variables) => Promise<never>
}

export interface Supervised {
  readonly reservation: string
  /** This process. */
  readonly process: ProcessIdentity
  readonly units: readonly UnitId[]
  /** In steady time. */
  readonly limit?: TimeLimit
}
