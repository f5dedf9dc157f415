/**
 * The words of canhazgpu, used the same way in every layer:
 *
 * - pool: the GPUs of one host, who holds them and who waits for them; read and replaced as one value.
 * - reservation: the exclusive hold of one or more whole GPUs by one account.
 *   - run: held for a command, as long as its process lives.
 *   - manual: held by a person, until it is released or expires.
 * - holder: whoever a reservation belongs to. Ownership goes by account, never by the shown name.
 * - queue entry: a place in the line of those who wait.
 * - supervisor: the background process that keeps the heartbeat of a run and ends its reservation.
 * - heartbeat: the time a supervisor last said that its run lives; decides only where the process itself
 *   cannot be checked.
 * - usage record: one GPU's part of an ended reservation; the history is made of these.
 * - tally: what many usage records amount to.
 *
 * All times are epoch milliseconds, all sizes are MiB (printed as "MB", as nvidia-smi users are used to).
 */

export type Millis = number

/** 0 … n-1 in PCI bus order, as `nvidia-smi` and `CUDA_DEVICE_ORDER=PCI_BUS_ID` number them. */
export type GpuId = number

export const PROVIDERS = ['nvml', 'nvidia-smi', 'amd-smi', 'fake'] as const
export type ProviderName = (typeof PROVIDERS)[number]

/** What may be named at set-up: a provider, or a vendor, whose first provider that finds GPUs is taken. */
export const PROVIDER_CHOICES = ['nvidia', 'amd', ...PROVIDERS] as const
export type ProviderChoice = (typeof PROVIDER_CHOICES)[number]

/**
 * What a clock shows: the wall clock, and the time since boot, which no one can set. Steady time is
 * comparable only between moments of the same epoch (one boot, one time namespace).
 */
export interface Moment {
  readonly wall: Millis
  readonly steady: { readonly epoch: string; readonly ms: Millis }
}

/** An identity that neither PID reuse nor a reboot can fake. */
export interface ProcessIdentity {
  readonly pid: number
  /** Field 22 of `/proc/<pid>/stat`, clock ticks after boot; 0 where it could not be read. */
  readonly startTime: number
  /** `unknown` where it could not be read; then it proves nothing. */
  readonly bootId: string
  /** Inode of the pid namespace in which `pid` counts; `unknown` where it could not be read. */
  readonly pidNamespace: string
}

/** `unknown`: it cannot be seen from here, or something that would identify it cannot be read. */
export type Liveness = 'alive' | 'gone' | 'unknown'

export interface Account {
  readonly uid: number
  readonly name: string
  /** Inode of the user namespace it acts in, where that is not the first; `unknown` where it could not be read. */
  readonly userNamespace?: string
}

export interface Gpu {
  readonly id: GpuId
  readonly uuid: string
  readonly name: string
  /** Absent: never used. */
  readonly releasedAt?: Millis
  /** The account that held it last. */
  readonly releasedBy?: number
}

interface ReservationBase {
  readonly id: string
  /** Sorted, without repetition, never empty. */
  readonly gpus: readonly GpuId[]
  /** The shown name; the account's own unless the holder chose another. */
  readonly user: string
  readonly account: Account
  readonly startedAt: Millis
  readonly note?: string
}

export interface RunReservation extends ReservationBase {
  readonly kind: 'run'
  readonly process: ProcessIdentity
  readonly heartbeatAt: Millis
  readonly timeLimit?: TimeLimit
  readonly command: string
}

/** A command is interrupted at the first moment and killed at the second, if it still lives then. */
export interface TimeLimit {
  readonly interruptAt: Millis
  readonly killAt: Millis
}

export interface ManualReservation extends ReservationBase {
  readonly kind: 'manual'
  readonly expiresAt: Millis
}

export type Reservation = RunReservation | ManualReservation
export type ReservationKind = Reservation['kind']

/** What is asked for: any so many GPUs, or exactly these. */
export type Request =
  | { readonly kind: 'count'; readonly count: number }
  | { readonly kind: 'ids'; readonly ids: readonly GpuId[] }

export interface QueueEntry {
  readonly id: string
  readonly user: string
  readonly account: Account
  readonly request: Request
  readonly kind: ReservationKind
  readonly process: ProcessIdentity
  readonly joinedAt: Millis
  readonly heartbeatAt: Millis
  /** The moment the waiter gives up. */
  readonly waitUntil?: Millis
  /** For how long the GPUs would be held at most, where the request says so; backfill needs it. */
  readonly duration?: Millis
  /** Since when this entry could have been served and has not come; a frozen waiter is passed over. */
  readonly servableSince?: Millis
  readonly note?: string
}

export const ALLOCATIONS = ['lru', 'mru-per-user'] as const

export interface PoolSettings {
  /** `lru`: least recently used first. `mru-per-user`: the GPUs that this account used last first. */
  readonly allocation: (typeof ALLOCATIONS)[number]
  /** From how much memory on an unreserved GPU counts as use; absent: DEFAULT_MEMORY_THRESHOLD_MB. */
  readonly memoryThresholdMb?: number
}

export interface Pool {
  readonly host: string
  readonly provider: ProviderName
  readonly gpus: readonly Gpu[]
  readonly reservations: readonly Reservation[]
  readonly queue: readonly QueueEntry[]
  readonly settings: PoolSettings
  /** When this value was written. */
  readonly writtenAt: Moment
}

/** How a reservation came to its end. */
export const OUTCOMES = ['released', 'exited', 'timed-out', 'expired', 'vanished', 'reset'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** One GPU's part of a reservation, up to its end or up to now. */
export interface HeldTime {
  readonly host: string
  /** Id of the reservation; with `gpu` it is unique in the history. */
  readonly reservation: string
  readonly gpu: GpuId
  readonly user: string
  readonly account: Account
  readonly kind: ReservationKind
  readonly startedAt: Millis
  readonly endedAt: Millis
  readonly note?: string
}

export interface UsageRecord extends HeldTime {
  readonly outcome: Outcome
  /** Who reset the pool, or released what another account held. */
  readonly endedBy?: Account
}

/** What the usage records of one user and kind amount to in some range of time. */
export interface UsageTally {
  readonly user: string
  readonly uid: number
  /** Name of the account. */
  readonly account: string
  readonly kind: ReservationKind
  /** Summed over the GPUs, as far as it lies in the range. */
  readonly ms: Millis
  /** A reservation counts once, however many GPUs it had. */
  readonly reservations: number
}

export interface GpuProcess {
  readonly pid: number
  /** Owner by `/proc/<pid>`; absent where the process cannot be seen from here. */
  readonly uid?: number
  readonly user?: string
  readonly name: string
  readonly memoryMb?: number
  /** It draws and does not compute, like a desktop's X server. */
  readonly graphics?: true
  /** Command line, where readable. */
  readonly command?: string
}

/** One GPU as the driver sees it now. */
export interface GpuReading {
  /** The driver's own index, which is what `CUDA_VISIBLE_DEVICES` counts. */
  readonly index: number
  readonly uuid: string
  readonly name: string
  readonly state: GpuUsage
}

export type GpuUsage = GpuMeasurement | GpuFault

export interface GpuMeasurement {
  readonly kind: 'measured'
  readonly memoryUsedMb: number
  /** The memory in use is the sum of the processes: the driver does not measure the card's own. */
  readonly memoryBy?: 'processes'
  /** This GPU is one of several parts of a card, and the driver measures the memory of the whole card only. */
  readonly card?: SharedCard
  readonly memoryTotalMb?: number
  readonly utilizationPercent?: number
  readonly temperatureC?: number
  readonly powerW?: number
  readonly mig?: boolean
  readonly processes: readonly GpuProcess[]
}

export interface SharedCard {
  /** The same for all parts of one card. */
  readonly id: string
  /** Memory in use on the card that no process on any of its parts accounts for. */
  readonly unexplainedMb: number
}

export interface GpuFault {
  readonly kind: 'fault'
  /** What the driver said, one line. */
  readonly reason: string
  /** Another GPU, which the pool does not know, is in its place. */
  readonly isReplaced?: true
}

/** Everything one look at the driver gave. */
export interface Probe {
  readonly provider: ProviderName
  readonly readings: readonly GpuReading[]
}
