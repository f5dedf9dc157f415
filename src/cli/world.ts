import type { Deps } from '../app/deps.ts'
import type { PoolPlace } from '../app/set-up.ts'
import type { Variables } from '../domain/device-variables.ts'
import type { Account, Probe, ProcessIdentity, ProviderName } from '../domain/model.ts'
import type { Settings } from '../domain/settings.ts'

/** Everything a command may ask of the machine it runs on; opened only when asked for. */
export interface World {
  readonly settings: Settings
  /** What stands behind `--`, null where there is no `--`. */
  readonly commandLine: readonly string[] | null
  readonly account: () => Account
  readonly process: () => ProcessIdentity
  readonly hostname: () => string
  readonly newId: () => string
  readonly now: () => number
  readonly deps: () => Promise<Deps>
  /** The pool's place, shared with everyone or with one Unix group. */
  readonly poolPlace: (group: string | undefined) => PoolPlace
  /** Looks for GPUs with one provider or, unnamed, with each. `fake` has as many as asked for. */
  readonly detectGpus: (provider: ProviderName | undefined, fakeCount: number) => Promise<Probe>
  /**
   * Finds the program by the rules of execvp(3). Throws `command-not-found` or `command-not-executable`.
   */
  readonly launch: () => Launcher
  readonly stderr: (text: string) => void
}

/** A command found and ready to be started. */
export interface Launcher {
  /** Starts the supervisor of a reservation, not as our child. */
  readonly startSupervisor: (reservation: string) => void
  /** Replaces this process by the command; returns only by throwing. */
  readonly become: (variables: Variables) => never
}
