/**
 * The terms of canhazgpu, the same in every layer:
 *
 * - pool: the units of one host, their reservations and the queue; read and replaced as one value.
 * - unit: what can be reserved: a GPU, later also a MIG instance of it.
 * - reservation: one owner's hold of one or more units for a term.
 *   - run: as long as the process of a command lives.
 *   - manual: until it is released or expires.
 *   - booking: a time agreed in advance.
 *   - maintenance: kept from everybody by an administrator.
 * - owner: the account that a reservation or queue entry belongs to, and the name that others see. Rights go by
 *   the account, never by the shown name.
 * - queue entry: the place of one waiter in the queue.
 * - supervisor: the background process that keeps the heartbeat of a run and ends its reservation.
 * - heartbeat: the last time a supervisor or waiter reported; decides only where its process cannot be checked.
 * - usage record: one unit's part of an ended reservation; the history consists of these.
 * - tally: the sum of many usage records.
 *
 * All times are epoch milliseconds, all sizes are MiB (printed as "MB", as nvidia-smi users are used to).
 */

export type Millis = number

/**
 * Names a unit: `3` for the GPU with that number in PCI bus order, as `nvidia-smi` and
 * `CUDA_DEVICE_ORDER=PCI_BUS_ID` count, and `3.0` for its first MIG instance. A name, not a position.
 */
export type UnitId = string

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

/** What the driver calls a unit. */
export interface Device {
  /** Empty where the driver did not show it. */
  readonly uuid: string
  readonly name: string
}

export type Shape = { readonly kind: 'gpu' } | { readonly kind: 'mig'; readonly profile: string }

/** What can be reserved: a GPU, or one of the instances that a GPU is divided into. */
export interface Unit {
  readonly id: UnitId
  readonly device: Device
  readonly shape: Shape
  /** Absent: never used. */
  readonly lastUse?: LastUse
}

export interface LastUse {
  readonly endedAt: Millis
  /** The account that held it. */
  readonly uid: number
}

/** How much of a unit a reservation holds. */
export type Share = { readonly kind: 'whole' } | { readonly kind: 'memory'; readonly mb: number }

export interface Holding {
  readonly unit: UnitId
  readonly share: Share
}

export interface Owner {
  readonly account: Account
  /** What others see; the name of the account unless the owner chose another. */
  readonly shownName: string
}

/** Holds units from `startedAt` to the end of its term. */
export interface Reservation<T extends Term = Term> {
  readonly id: string
  readonly owner: Owner
  /** Sorted by unit, each unit once, never empty. */
  readonly holdings: readonly Holding[]
  readonly startedAt: Millis
  readonly note?: string
  readonly term: T
}

export type RunReservation = Reservation<RunTerm>
export type ManualReservation = Reservation<ManualTerm>

/** For how long a reservation lasts. */
export type Term = RunTerm | ManualTerm | BookingTerm | MaintenanceTerm
export type TermKind = Term['kind']

/** As long as the process lives. */
export interface RunTerm {
  readonly kind: 'run'
  readonly process: ProcessIdentity
  readonly heartbeatAt: Millis
  readonly limit?: TimeLimit
  readonly command: string
}

/** A command is interrupted at the first moment and killed at the second, if it still lives then. */
export interface TimeLimit {
  readonly interruptAt: Millis
  readonly killAt: Millis
}

/** Until it expires or its owner releases it. */
export interface ManualTerm {
  readonly kind: 'manual'
  readonly expiresAt: Millis
}

/** A time that was agreed in advance. */
export interface BookingTerm {
  readonly kind: 'booking'
  readonly from: Millis
  readonly until: Millis
}

/** Kept from everybody by an administrator. */
export interface MaintenanceTerm {
  readonly kind: 'maintenance'
  readonly from: Millis
  /** Absent: until it is restored. */
  readonly until?: Millis
}

/** The requested units: any `count` of them, or exactly these. */
export type Request =
  | { readonly kind: 'count'; readonly count: number }
  | { readonly kind: 'ids'; readonly ids: readonly UnitId[] }

/** The term that a waiter asks for. */
export interface WantedTerm {
  readonly kind: 'run' | 'manual'
  /** For how long the units would be held at most, where the request says so; backfill needs it. */
  readonly duration?: Millis
}

export interface QueueEntry {
  readonly id: string
  readonly owner: Owner
  readonly request: Request
  readonly term: WantedTerm
  readonly process: ProcessIdentity
  readonly joinedAt: Millis
  readonly heartbeatAt: Millis
  /** The moment the waiter gives up. */
  readonly waitUntil?: Millis
  /** Since when this entry could have been granted and its process did not ask; a frozen waiter is passed over. */
  readonly startableSince?: Millis
  readonly note?: string
}

export const ALLOCATIONS = ['lru', 'mru-per-user'] as const

/** The rules of the pool, which its administrator sets. */
export interface Policy {
  /** `lru`: least recently used first. `mru-per-user`: the units that this account used last first. */
  readonly allocation: (typeof ALLOCATIONS)[number]
  /** From how much memory on an unreserved unit counts as use; absent: DEFAULT_MEMORY_THRESHOLD_MB. */
  readonly memoryThresholdMb?: number
}

export interface Pool {
  readonly host: string
  readonly provider: ProviderName
  /** In the order of their ids. */
  readonly units: readonly Unit[]
  readonly reservations: readonly Reservation[]
  readonly queue: readonly QueueEntry[]
  readonly policy: Policy
  /** When this value was written. */
  readonly writtenAt: Moment
}

/** How a reservation came to its end. */
export const OUTCOMES = ['released', 'exited', 'timed-out', 'expired', 'vanished', 'reset'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** One unit's part of a reservation, up to its end or up to now. */
export interface HeldTime {
  readonly host: string
  /** Id of the reservation; with `unit` it is unique in the history. */
  readonly reservation: string
  readonly unit: UnitId
  readonly owner: Owner
  readonly term: TermKind
  readonly startedAt: Millis
  readonly endedAt: Millis
  readonly note?: string
}

export interface UsageRecord extends HeldTime {
  readonly outcome: Outcome
  /** Who reset the pool, or released what another account held. */
  readonly endedBy?: Account
}

/** The sum of the usage records of one user and term in a range of time. */
export interface UsageTally {
  /** The shown name. */
  readonly user: string
  readonly uid: number
  /** Name of the account. */
  readonly account: string
  readonly term: TermKind
  /** Summed over the units, as far as it lies in the range. */
  readonly ms: Millis
  /** A reservation counts once, however many units it had. */
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
  /** Command lines of its parents, nearest first, where they may name what it works on. */
  readonly parents?: readonly string[]
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
  /** What the driver reports, one line. */
  readonly reason: string
}

/** Everything one look at the driver gave. */
export interface Probe {
  readonly provider: ProviderName
  readonly readings: readonly GpuReading[]
}
