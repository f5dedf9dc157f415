/** Where the daemon serves, and which database it owns. */
export interface ServicePlace {
  readonly socket: string
  /** Path of the database. */
  readonly pool: string
}

/** The parts of the machine that `service` changes. Each change may be repeated, and continues after an interruption. */
export interface ServiceMachine {
  /** Throws `permission-denied` if this process may not change the machine. */
  authorise(place: ServicePlace): void
  readonly unit: UnitFile
  readonly configuration: StoreSetting
  readonly files: PoolFiles
  /**
   * Starts a supervisor for each job that the daemon would end at a time limit. The daemon must not run. The returned
   * function starts those of the other jobs, which record their ends, once the pool is open.
   */
  superviseRuns(pool: string): Promise<() => void>
  /** Null if systemd does not run here. */
  readonly manager: ServiceManager | null
}

export interface UnitFile {
  readonly path: string
  text(place: ServicePlace): string
  /** Throws if the unit could not serve at this place. Creates the folder of the socket. */
  prepare(place: ServicePlace): void
  /** Writes the unit, unless a package has installed one. */
  write(place: ServicePlace): void
  remove(): void
}

/** The setting `store` for all users of the machine. */
export interface StoreSetting {
  readonly path: string
  /** Throws `config-invalid` if `use` could not change the file. */
  check(place: ServicePlace): void
  /** Names the daemon, and keeps everything else in the file. */
  use(place: ServicePlace): void
  /** Removes the daemon, and names the pool that it had. */
  restore(): void
}

/** The files of the pool. */
export interface PoolFiles {
  /** Throws if `close` could not move the pool at this path. */
  check(path: string): Promise<void>
  /** Moves the pool into files that only the daemon can open. Returns false if that is done already, or there is no pool. */
  close(path: string): Promise<boolean>
  /** Opens the files again to the users who could use them before. Throws `store-busy` while a daemon runs. */
  open(path: string): Promise<boolean>
}

export interface ServiceManager {
  /** Starts the unit, or starts it again, now and at every boot. Resolves when the daemon answers at the socket. */
  start(socket: string): Promise<void>
  stop(): Promise<void>
  /** Must be called after the unit was removed. */
  reload(): Promise<void>
}
