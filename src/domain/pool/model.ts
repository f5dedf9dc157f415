/**
 * The terms of canhazgpu, the same in every layer:
 *
 * - pool: the units of one host, their reservations and the queue; read and replaced as one value.
 * - unit: a GPU, later also a MIG instance, that can be reserved.
 * - reservation: one owner's hold of one or more units for a term.
 *   - run: as long as the process of a command is alive.
 *   - manual: until it is released or expires.
 *   - booking: for a time agreed in advance.
 *   - maintenance: an administrator takes the units out of service.
 *   A booking is a promise, and no reservation, until it begins. Its units may change until then.
 * - drain: an administrator takes a unit out of service without a planned time. Its holder keeps it to the end of the
 *   term, and nobody else gets it until it is restored.
 * - owner: the account of a reservation or queue entry, and its shown name. The account decides rights, never the
 *   shown name.
 * - waiter: a process that waits for GPUs; queue entry: its place in the queue.
 * - grant: a new reservation for a request, with what its command needs.
 * - probe: one request to the driver for all GPUs; reading: its answer for one of them.
 * - supervisor: the background process that keeps the heartbeat of a run and ends its reservation.
 * - heartbeat: the time at which a supervisor or waiter last reported that it is alive. It decides only if the process
 *   cannot be checked.
 * - use: of a GPU, now, by its memory and processes; usage: what the history records.
 * - usage record: one unit's part of an ended reservation; the history consists of these.
 * - audit record: what an administrator changed: a rule, a drain, a set-up; with author and time.
 * - tally: the sum of many usage records.
 *
 * All times are epoch milliseconds. All sizes are MiB, printed as "MB".
 */

export type Millis = number

/**
 * Names a unit: `3` is the GPU with that number in PCI bus order, as `nvidia-smi` and `CUDA_DEVICE_ORDER=PCI_BUS_ID`
 * count. `3.0` is its first MIG instance. It is a name, not a position in the list of units.
 */
export type UnitId = string

export const PROVIDERS = ['nvml', 'nvidia-smi', 'amd-smi', 'fake'] as const
export type ProviderName = (typeof PROVIDERS)[number]

/** The choices at set-up: a provider, or a vendor. For a vendor the first provider that finds GPUs is used. */
export const PROVIDER_CHOICES = ['nvidia', 'amd', ...PROVIDERS] as const
export type ProviderChoice = (typeof PROVIDER_CHOICES)[number]

/**
 * The time by the wall clock, and the time since boot, which cannot be set. Steady times are comparable only in one
 * epoch (one boot, one time namespace).
 */
export interface Moment {
  readonly wall: Millis
  readonly steady: { readonly epoch: string; readonly ms: Millis }
}

/** Identifies a process across PID reuse and reboots. */
export interface ProcessIdentity {
  readonly pid: number
  /** Field 22 of `/proc/<pid>/stat`, clock ticks after boot; 0 if it could not be read. */
  readonly startTime: number
  /** `unknown` if it could not be read; then it identifies nothing. */
  readonly bootId: string
  /** Inode of the pid namespace to which `pid` belongs; `unknown` if it could not be read. */
  readonly pidNamespace: string
}

/** `unknown`: the process is not visible from here, or a part of its identity could not be read. */
export type Liveness = 'alive' | 'gone' | 'unknown'

export interface Account {
  readonly uid: number
  readonly name: string
  /** Inode of its user namespace; `unknown` if it could not be read. Absent: the first user namespace. */
  readonly userNamespace?: string
}

/** The driver's names for a unit. */
export interface Device {
  /** Empty if the driver did not report it. */
  readonly uuid: string
  readonly name: string
}

export type Shape = { readonly kind: 'gpu' } | { readonly kind: 'mig'; readonly profile: string }

/** A GPU, or one of its MIG instances. */
export interface Unit {
  readonly id: UnitId
  readonly device: Device
  readonly shape: Shape
  /** Its memory by the driver at set-up or at the last refresh; absent: unknown. */
  readonly memoryMb?: number
  /** Absent: never used. */
  readonly lastUse?: LastUse
  readonly drain?: Drain
}

/**
 * A property of the unit, not an interval of the calendar: its holder still holds the unit, a drain has no planned end,
 * and no account uses the unit meanwhile, so a drain makes no usage record.
 */
export interface Drain {
  readonly since: Millis
  /** The account that drained it. */
  readonly by: Account
  readonly reason?: string
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
  /** The name that others see: the account's name unless the owner chose another. */
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

/** A promise of units for a later time. When it begins, a reservation with its id replaces it. */
export interface Booking {
  readonly id: string
  readonly owner: Owner
  readonly request: Request
  /** The units that are planned for it, sorted. Others may replace them until it begins. */
  readonly holdings: readonly Holding[]
  readonly bookedAt: Millis
  readonly note?: string
  /** The Unix groups of its account when it was booked. */
  readonly groups?: readonly number[]
  readonly term: BookingTerm
}

/** How long a reservation lasts. */
export type Term = RunTerm | ManualTerm | BookingTerm | MaintenanceTerm
export type TermKind = Term['kind']

/** As long as the process is alive. */
export interface RunTerm {
  readonly kind: 'run'
  readonly process: ProcessIdentity
  readonly heartbeatAt: Millis
  readonly limit?: RunLimit
  readonly command: string
}

/** Times at which the supervisor interrupts the command and, if it is still alive, kills it. */
export interface TimeLimit {
  readonly interruptAt: Millis
  readonly killAt: Millis
}

export interface RunLimit extends TimeLimit {
  /**
   * Present if the run was granted before the pool was moved into a daemon. The daemon must not act on such a limit, because
   * every user could write it: the supervisor of the run, which did not read it from the pool, enforces it.
   */
  readonly enforcedBy?: 'supervisor'
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
  /** When use of its units was first seen. Absent: never. */
  readonly usedAt?: Millis
}

/** An administrator takes the units out of service. */
export interface MaintenanceTerm {
  readonly kind: 'maintenance'
  readonly from: Millis
  /** Absent: until it is restored. */
  readonly until?: Millis
}

/** The requested units: any `count` of them that meet the requirements, or exactly these. */
export type Request =
  | ({ readonly kind: 'count'; readonly count: number } & Requirements)
  | { readonly kind: 'ids'; readonly ids: readonly UnitId[] }

/** What each unit must have. */
export interface Requirements {
  /** Any of these types; `isOfType` compares them with the driver's name. */
  readonly gpuTypes?: readonly string[]
  readonly leastMemoryMb?: number
}

/** The term that a waiter requests. */
export interface WantedTerm {
  readonly kind: 'run' | 'manual'
  /** The longest time for which the units may be held, if the request gives one; else the pool's default counts. */
  readonly duration?: Millis
  /** The units may be granted for this time only, if a booking needs them after it. */
  readonly least?: Millis
}

export interface QueueEntry {
  readonly id: string
  readonly owner: Owner
  readonly request: Request
  readonly term: WantedTerm
  readonly process: ProcessIdentity
  readonly joinedAt: Millis
  readonly heartbeatAt: Millis
  /** The time at which the waiter gives up. */
  readonly waitUntil?: Millis
  /**
   * Since when the entry can start although its process does not ask for the units. After a grace period such a waiter
   * is passed over.
   */
  readonly startableSince?: Millis
  /** The Unix groups of its account, when its process last asked for units. */
  readonly groups?: readonly number[]
  readonly note?: string
}

export const ALLOCATIONS = ['lru', 'mru-per-user'] as const

export const LIMIT_KEYS = [
  'max-gpus',
  'max-duration',
  'default-duration',
  'max-waiting',
  'bookings',
  'max-booked-ahead',
] as const
export type LimitKey = (typeof LIMIT_KEYS)[number]

/** The accounts that a limit is for: all, one, or each member of a Unix group. */
export type Scope =
  | { readonly kind: 'pool' }
  | { readonly kind: 'account'; readonly uid: number; readonly name: string }
  | { readonly kind: 'group'; readonly gid: number; readonly name: string }

/** Who set a rule, and when. */
export interface Stamp {
  readonly by: Account
  readonly at: Millis
}

export interface Limit extends Stamp {
  readonly key: LimitKey
  readonly scope: Scope
  /** A number of GPUs or of requests, a duration, or for `bookings` 1 (on) or 0 (off). */
  readonly value: number
}

/** The rules of the pool, which its administrator sets. */
export interface Policy {
  /** `lru`: least recently used first. `mru-per-user`: first the units that this account used last. */
  readonly allocation: (typeof ALLOCATIONS)[number]
  /** The memory that counts as use of an unreserved unit; absent: DEFAULT_MEMORY_THRESHOLD_MB. */
  readonly memoryThresholdMb?: number
  /** How long single usage records are kept; absent: DEFAULT_KEPT. */
  readonly keepHistoryMs?: Millis
  /** For the rules above; absent for a rule that nobody has set. */
  readonly stamps?: {
    readonly allocation?: Stamp
    readonly memoryThresholdMb?: Stamp
    readonly keepHistoryMs?: Stamp
  }
  /** At most one for each key and scope. Absent: none was ever set. */
  readonly limits?: readonly Limit[]
}

export interface Pool {
  readonly host: string
  readonly provider: ProviderName
  /** In the order of their ids. */
  readonly units: readonly Unit[]
  readonly reservations: readonly Reservation[]
  readonly queue: readonly QueueEntry[]
  /** Those that have not begun, in the order of their begin. Absent: none. */
  readonly bookings?: readonly Booking[]
  readonly policy: Policy
  /** Of usage records that ended before this start of a day (UTC), only the sums by day are known. Absent: all are known. */
  readonly keptFrom?: Millis
  /** When this value was written. */
  readonly writtenAt: Moment
}

/** How a reservation ended. */
export const OUTCOMES = ['released', 'exited', 'timed-out', 'expired', 'vanished', 'unused', 'reset'] as const
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
  /** The account that reset the pool or released another account's unit. */
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
  /** Held time within the range, summed over the units. */
  readonly ms: Millis
  /** A reservation counts once, whatever the number of its units. */
  readonly reservations: number
}

export interface GpuProcess {
  readonly pid: number
  /** Owner by `/proc/<pid>`; absent if this process cannot see it. */
  readonly uid?: number
  readonly user?: string
  readonly name: string
  readonly memoryMb?: number
  /** A graphics process, such as a desktop's X server. */
  readonly graphics?: true
  /** Command line, where readable. */
  readonly command?: string
  /** Command lines of its parents, nearest first, if they may name its AI model. */
  readonly parents?: readonly string[]
}

/** The driver's reading of one GPU. */
export interface GpuReading {
  /** The driver's index, which `CUDA_VISIBLE_DEVICES` uses. */
  readonly index: number
  readonly uuid: string
  readonly name: string
  readonly state: GpuUse
}

export type GpuUse = GpuMeasurement | GpuFault

export interface GpuMeasurement {
  readonly kind: 'measured'
  readonly memoryUsedMb: number
  /** The memory in use is the sum over the processes, because the driver does not measure the card's memory. */
  readonly memoryBy?: 'processes'
  /** This GPU is a part of a card, and the driver measures only the memory of the whole card. */
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
  /** The driver's report, in one line. */
  readonly reason: string
}

/** The driver's readings of all GPUs. */
export interface Probe {
  readonly provider: ProviderName
  readonly readings: readonly GpuReading[]
}
