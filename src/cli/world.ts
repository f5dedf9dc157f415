import type { Deps } from '../app/deps.ts'
import type { PoolPlace, StoredPlace } from '../app/set-up.ts'
import type { Waker } from '../app/waiting/wait-in-line.ts'
import type { Variables } from '../domain/observation/device-variables.ts'
import type { Intent } from '../domain/operation/acquisition.ts'
import type {
  Account,
  Millis,
  Probe,
  ProcessIdentity,
  ProviderChoice,
  TimeLimit,
  UnitId,
} from '../domain/pool/model.ts'
import type { PoolOwner } from '../domain/pool/rights.ts'
import type { Checkup } from '../domain/pool/soundness.ts'
import type { Settings } from '../domain/settings.ts'
import type { LockPatience, Store } from '../ports/ports.ts'
import type { UsageQuestion } from '../views/documents/usage-answer.ts'
import type { Stderr } from '../views/words/printed.ts'
import type { Connections } from '../web/access/crowding.ts'
import type { LookUp } from './options/configured.ts'

/** Everything a command may ask of the machine it runs on; opened only when asked for. */
export interface World {
  readonly settings: Settings
  /** Defaults of options in the environment and in configuration files. */
  readonly lookUp: LookUp
  /** What stands behind `--`, null where there is no `--`. */
  readonly commandLine: readonly string[] | null
  /** What stands after the options. */
  readonly operands: readonly string[]
  readonly account: () => Promise<Account>
  readonly process: () => ProcessIdentity
  /** Of canhazgpu. */
  readonly version: string
  readonly hostname: () => string
  readonly newId: () => string
  readonly now: () => number
  /** Opens the pool, with `patience` as long as its lock may be waited for. */
  readonly deps: (patience?: LockPatience) => Promise<Deps>
  /** Opens the pool and removes what somebody planted in its schema, as far as we may. */
  readonly administratorDeps: () => Promise<Deps>
  /** For who stays: trouble with the pool, or another one in its place, is no end. */
  readonly lastingDeps: () => Promise<Deps>
  /** Answers a question about the history, as JSON, outside this process. */
  readonly askUsage: (question: UsageQuestion) => Promise<string>
  /** Tells of something that a person should know, on stderr. */
  readonly warn: (message: string) => void
  /** A line for each configuration file with a password that others can read. */
  readonly exposedPasswords: () => Promise<readonly string[]>
  readonly connections: () => Promise<Connections>
  /** The pool's place, shared with everyone or with one Unix group. */
  readonly poolPlace: (group: string | undefined) => Promise<PoolPlace>
  /** Who owns the pool that exists; null where there is none. */
  readonly poolOwner: () => Promise<PoolOwner | null>
  /** Looks the pool over and changes nothing. */
  readonly checkPool: () => Promise<Checkup>
  /** Where the pool is kept, and for whom. */
  readonly storedPlace: () => Promise<StoredPlace>
  /** Looks for GPUs with one provider or, unnamed, with each. `fake` has as many as asked for. */
  readonly detectGpus: (provider: ProviderChoice | undefined, fakeCount: number) => Promise<Probe>
  /**
   * Finds the program by the rules of execvp(3). Throws `command-not-found` or `command-not-executable`.
   */
  readonly launch: () => Promise<Launcher>
  readonly stderr: Stderr
  readonly steadyClock: () => Millis
  /** Resolves when this process is told to end; a second signal ends it whatever it does. */
  readonly untilStopped: () => Promise<void>
  /** The place that this process has in the queue since it was another version of this program. */
  readonly place: Place | null
  /** Replaces this process by the program that is installed by now; returns only if that is impossible. */
  readonly becomeSuccessor: (place: Place) => Promise<void>
  /**
   * Wakes by signals and by changes of the pool, or only by the turn of a queue entry; while it is open,
   * Ctrl-C does not end this process.
   */
  readonly openWaker: (store: Store, intent?: Intent) => Waker & { close(): void }
}

/** A place in the queue, as a waiter leaves it to its successor. */
export interface Place {
  readonly entry: string
  /** In steady time; absent if it waits for ever. */
  readonly giveUpAt?: Millis
}

/** A command found and ready to be started. */
export interface Launcher {
  /** Starts the supervisor of this process, not as our child. It acts on what it is told here, not on the pool. */
  readonly startSupervisor: (task: Supervised) => void
  /** Replaces this process by the command; returns only by throwing. */
  readonly become: (variables: Variables) => never
}

export interface Supervised {
  readonly reservation: string
  /** This one. */
  readonly process: ProcessIdentity
  readonly units: readonly UnitId[]
  /** In steady time. */
  readonly limit?: TimeLimit
}
