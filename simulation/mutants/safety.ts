import type { Mutant } from './list.ts'

const ALLOCATION = 'src/domain/observation/allocation.ts'
const ACQUISITION = 'src/domain/operation/acquisition.ts'
const KERNEL = 'simulation/world/kernel.ts'

/** Who gets which GPU, and who may take it away. */
export const SAFETY_MUTANTS: readonly Mutant[] = [
  {
    name: 'release-without-owner',
    defect: "`release` ends everybody's manual reservations",
    file: 'src/domain/operation/release.ts',
    edits: [
      ["held.term.kind === 'manual' && owns(actor, held.owner.account)", "held.term.kind === 'manual'"],
    ],
  },
  {
    name: 'release-by-id-without-owner',
    defect: "`release --gpu-ids` ends anybody's reservation",
    file: 'src/domain/operation/release.ts',
    edits: [['if (isAdministrator(actor)) return null', 'return null']],
  },
  {
    name: 'reserved-granted',
    defect: 'a GPU that is reserved counts as free',
    file: ALLOCATION,
    edits: [["reserved.has(id) ? 'reserved' : ", '']],
  },
  {
    name: 'occupied-granted',
    defect: 'a GPU in use without a reservation counts as free',
    file: ALLOCATION,
    edits: [["? 'occupied' : 'free'", "? 'free' : 'free'"]],
  },
  {
    name: 'threshold-off-by-one',
    defect: 'memory use of exactly the threshold counts as none',
    file: 'src/domain/observation/evidence.ts',
    edits: [['usage.memoryUsedMb >= thresholdMb', 'usage.memoryUsedMb > thresholdMb']],
  },
  {
    name: 'faulty-granted',
    defect: 'a GPU with a fault, or that the driver does not show, counts as free',
    file: ALLOCATION,
    edits: [["usage.kind === 'fault') return 'faulty'", "usage.kind === 'fault') return 'free'"]],
  },
  {
    name: 'silent-driver-means-idle',
    defect: 'where the driver does not answer all GPUs count as idle',
    file: 'src/app/local-pool.ts',
    edits: [
      [
        'await (await of(pool)).probe(timeout)',
        `await (await of(pool)).probe(timeout).catch((): Probe => ({
          provider: pool.provider,
          readings: pool.units.map(({ id, device }) => ({
            index: Number(id), uuid: device.uuid, name: device.name, state: { kind: 'measured', memoryUsedMb: 0, processes: [] },
          })),
        }))`,
      ],
    ],
  },
  {
    name: 'queue-without-the-driver',
    defect: '`queue` counts every GPU without a reservation as free',
    file: 'src/domain/schedule/queue-places.ts',
    edits: [
      [
        'standings(pool, { now, stopped, sight })',
        'standings(pool, { now, stopped, ...(sight === undefined ? { sight } : {}) })',
      ],
    ],
  },
  {
    name: 'forecast-without-the-driver',
    defect: '`queue` names a start time for GPUs that cannot be used',
    file: 'src/domain/schedule/expected-starts.ts',
    edits: [["calendar.setUsability(place, isUnclear ? 'unclear' : 'unusable')", 'void isUnclear']],
  },
  {
    name: 'partial-grant',
    defect: 'a request gets fewer GPUs than it asks for',
    file: ACQUISITION,
    edits: [['if (units.length < sizeOf(intent.request)) {', 'if (units.length < 1) {']],
  },
  {
    name: 'impossible-queued',
    defect: 'a request for one GPU more than there are is taken for possible',
    file: ACQUISITION,
    edits: [['return request.count <= units.length', 'return request.count <= units.length + 1']],
  },
  {
    name: 'numbers-of-the-driver',
    defect: 'a lost card shifts the numbers that the command is told',
    file: 'src/domain/observation/visible-devices.ts',
    edits: [
      ['if (sights.every(({ id, index }) => index !== undefined && gpuUnit(index) === id)) return', 'return'],
    ],
  },
  {
    name: 'lru-reversed',
    defect: 'the most recently used GPUs are granted first',
    file: ALLOCATION,
    edits: [['return free.toSorted(leastRecent)', 'return free.toSorted((a, b) => leastRecent(b, a))']],
  },
  {
    name: 'pid-reuse',
    defect: 'any process that has the pid counts as that process',
    file: KERNEL,
    edits: [['found?.identity.startTime === identity.startTime && found.isAlive', 'found?.isAlive === true']],
  },
  {
    name: 'zombie-alive',
    defect: 'a dead process that nobody waited for counts as alive',
    file: KERNEL,
    edits: [['=== identity.startTime && found.isAlive', '=== identity.startTime']],
  },
]
