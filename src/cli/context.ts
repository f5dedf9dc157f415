import type { PoolPlace, StoredPlace } from '../app/set-up.ts'
import type { Waker } from '../app/waiting/waiting.ts'
import type { Variables } from '../domain/observation/device-variables.ts'
import type { Intent } from '../domain/operation/intent.ts'
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
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import type { PoolOwner } from '../domain/pool/rights.ts'
import type { Checkup } from '../domain/pool/soundness.ts'
import type { Settings } from '../domain/settings.ts'
import type { Warn, Warning } from '../domain/warnings.ts'
import type { OpenedPool } from '../ports/opened-pool.ts'
import type { PoolService } from '../ports/pool-service.ts'
import type { Screen } from '../ports/screen.ts'
import type { LockPatience } from '../ports/store.ts'
import type { Trace } from '../ports/trace.ts'
import type { UsageQuestion } from '../views/documents/usage-answer.ts'
import type { Output } from '../views/words/printed.ts'
import type { Connections } from '../web/access/connection-limit.ts'
import type { LookUp } from './options/configured.ts'

/** The parts of a process that exist before a command line is read. */
export interface Program {
  readonly version: string
  readonly stdout: Output
  readonly stderr: Output
  /** Opens the context of a command. Throws `usage` or `config-invalid` for settings that cannot be used. */
  readonly open: (typed: TypedLine) => Promise<Context>
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
  readonly process: () => ProcessIdentity
  readonly hostname: () => string
  readonly newId: () => string
  readonly now: () => Millis
  readonly steadyClock: () => Millis
  /** Resolves at the first SIGTERM or SIGINT; a second signal ends the process at once. */
  readonly untilStopped: () => Promise<void>

  /** Opens the pool; `patience` limits how long it waits for a lock. */
  readonly pool: (patience?: LockPatience) => Promise<PoolService>
  readonly processes: ProcessCheck
  readonly administration: () => Promise<Administration>
  readonly dashboard: () => Promise<Dashboard>

  /** Finds the program by the rules of execvp(3). Throws `command-not-found` or `command-not-executable`. */
  readonly launch: () => Promise<Launcher>
  /**
   * Saves the inherited state of this process for its successor. A command that waits because of its configuration
   * calls it before it opens anything.
   */
  readonly keepInherited: () => void
  /** The place in the queue that an earlier version of this program passed to this process. */
  readonly place: Place | null
  /** Executes the installed program in place of this one. Returns only if that is impossible. */
  readonly becomeSuccessor: (place: Place) => Promise<void>
  /**
   * Returns a waker that reacts to signals and to changes of the pool. With an intent, it reacts to the pool only when
   * the queue entry of the intent is next. While the waker is open, Ctrl-C does not end this process.
   */
  readonly openWaker: (intent?: Intent) => Promise<Waker & { close(): void }>
  /** Takes control of the terminal on stdout. */
  readonly openScreen: () => Promise<Screen>
}

/** For `admin`: creating, checking and changing a pool. */
export interface Administration {
  /** Opens the pool. If this account has the rights, also removes foreign objects from its schema. */
  readonly pool: () => Promise<PoolService>
  /** The place of a pool for one Unix group, or for every user. */
  readonly poolPlace: (group: string | undefined) => Promise<PoolPlace>
  /** Null if there is no pool. */
  readonly poolOwner: () => Promise<PoolOwner | null>
  /** Examines the pool and changes nothing. */
  readonly checkPool: () => Promise<Checkup>
  readonly storedPlace: () => Promise<StoredPlace>
  /** Probes the named provider. Without a name, probes each until one finds GPUs. `fake` has `fakeCount` GPUs. */
  readonly detectGpus: (provider: ProviderChoice | undefined, fakeCount: number) => Promise<Probe>
}

/** For `web`, which runs until it is stopped. */
export interface Dashboard {
  /** Opens the pool. It is opened again after an error, and when another pool replaces it. */
  readonly pool: () => Promise<PoolService>
  /** Answers a question about the history as JSON. Another process does the work. */
  readonly askUsage: (question: UsageQuestion) => Promise<string>
  readonly connections: Connections
  /** Opens a store in memory, without a pool. */
  readonly emptyStore: (now: () => Moment) => OpenedPool
  /** A warning for each configuration file with a password that other users can read. */
  readonly exposedPasswords: () => Promise<readonly Warning[]>
}

/** A place in the queue. A waiter passes it to its successor. */
export interface Place {
  readonly entry: string
  /** In steady time; absent if the waiter has no time limit. */
  readonly giveUpAt?: Millis
}

/** A command that was found and can be started. */
export interface Launcher {
  /** Starts the supervisor of this process, but not as its child. The supervisor follows this task, not the pool. */
  readonly startSupervisor: (task: Supervised) => void
  /** Replaces this process by the command; returns only by throwing. */
  readonly become: (variables: Variables) => never
}

export interface Supervised {
  readonly reservation: string
  /** This process. */
  readonly process: ProcessIdentity
  readonly units: readonly UnitId[]
  /** In steady time. */
  readonly limit?: TimeLimit
}
