import { expect, test } from 'bun:test'
import type { Difference } from '../../../src/app/compare-driver.ts'
import { extend } from '../../../src/cli/commands/extend.ts'
import { queue } from '../../../src/cli/commands/queue.ts'
import { release } from '../../../src/cli/commands/release.ts'
import { status } from '../../../src/cli/commands/status.ts'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import type { UnitFault } from '../../../src/domain/observation/readings.ts'
import type { GpuStatus } from '../../../src/domain/observation/status.ts'
import { heldTimeOf } from '../../../src/domain/operation/ending.ts'
import type { TakeOver } from '../../../src/domain/original/take-over.ts'
import { type AdminAnswer, adminFailure, adminText } from '../../../src/views/words/admin-answers.ts'
import { differenceProblem } from '../../../src/views/words/differences.ts'
import { faultWords } from '../../../src/views/words/faults.ts'
import type { Display, Printed } from '../../../src/views/words/printed.ts'
import { bookedOf, manualOf, NOON, owner, poolOf, unit } from '../../domain/pool/builders.ts'

const FILE: Display = { color: false, terminal: false, columns: Number.POSITIVE_INFINITY }
const HOUR = 3_600_000
const NOW = NOON.wall
const DB = '/srv/pool.db'
const POOL = poolOf([unit(0), unit(1)])
const COUNTS = { gpus: 2, reservations: 1, waiting: 0, records: 3 }

const FAULTS: readonly (readonly [UnitFault, string])[] = [
  [{ kind: 'fault', code: 'reported', reason: 'GPU is lost' }, 'GPU is lost'],
  [{ kind: 'fault', code: 'unanswered', reason: 'not probed' }, 'not probed'],
  [{ kind: 'fault', code: 'missing', uuid: 'a' }, 'the driver does not show this GPU (a)'],
  [
    { kind: 'fault', code: 'replaced' },
    "the driver shows another GPU in its place - 'sudo canhazgpu admin --refresh' adopts it",
  ],
]
for (const [fault, words] of FAULTS) {
  test(`fault ${fault.code}: ${words}`, () => expect(faultWords(fault)).toBe(words))
}

const FIRST = unit(0, { device: { uuid: 'a', name: 'Card a' } })
const REFRESH = "'sudo canhazgpu admin --refresh' adopts what the driver shows and ends no reservation"
const DIFFERENCES: readonly (readonly [Difference, string])[] = [
  [
    { code: 'all-replaced', count: 2 },
    `the driver shows none of the 2 GPUs of the pool by UUID, but others in their places - ${REFRESH}`,
  ],
  [
    { code: 'missing', unit: FIRST, shown: 1 },
    "GPU 0 (a) is not among the 1 GPUs that the driver shows - see the messages of the driver; if it does not come back, 'sudo canhazgpu admin --gpus 1 --force' sets up the pool without it and ends all reservations",
  ],
  [
    { code: 'replaced', unit: FIRST, by: 'x' },
    `in the place of GPU 0 (a) the driver shows another (x) - ${REFRESH}`,
  ],
  [
    { code: 'renamed', unit: FIRST, to: { uuid: 'a', name: 'Card b' } },
    `GPU 0 (a) is 'Card a' in the pool, and the driver shows 'Card b' (a) - ${REFRESH}`,
  ],
]
for (const [difference, words] of DIFFERENCES) {
  test(`difference ${difference.code}: ${words}`, () => {
    const { what, remedy } = differenceProblem(difference)
    expect(`${what} - ${remedy}`).toBe(words)
  })
}

const TAKE_OVER: TakeOver = {
  taken: {
    reservations: [
      manualOf({ units: [0, 1], owner: owner(1000, 'alice', 'team') }),
      manualOf({ id: 'running', units: [2] }),
    ],
    lastUses: [],
    records: [{ ...heldTimeOf('box', manualOf(), '0', NOW), outcome: 'released' }],
  },
  running: ['running'],
  ownerless: [{ user: 'Team Vision', account: 'zoe', units: ['3'] }],
  ...{ unreadable: 2, waiting: 1 },
}

const ADMIN: readonly (readonly [AdminAnswer, Printed])[] = [
  [
    { kind: 'reinitialized', gpuCount: 1, lost: [bookedOf({ from: NOW + HOUR, until: NOW + 2 * HOUR })] },
    {
      stdout: 'Reinitialized 1 GPUs (IDs 0 to 0)\n',
      stderr:
        'The booking of alice is lost: GPU 0 from Sun 2026-03-01 13:00 +00:00 until Sun 2026-03-01 14:00 +00:00\n',
    },
  ],
  [{ kind: 'initialized', gpuCount: 8 }, { stdout: 'Initialized 8 GPUs (IDs 0 to 7)\n' }],
  [
    { kind: 'reinitialized', gpuCount: 1, damaged: { keptAs: '/srv/kept', records: 1 } },
    {
      stdout: 'Reinitialized 1 GPUs (IDs 0 to 0)\n',
      stderr: 'The damaged pool is kept as /srv/kept; 1 usage record taken over\n',
    },
  ],
  [
    { kind: 'imported', gpuCount: 4, takeOver: TAKE_OVER },
    {
      stdout:
        'Would set up 4 GPUs\nWould import 2 reservations and 1 usage record\n' +
        'GPU(s) [0, 1]: reserved by team (alice) until Sun 2026-03-01 13:00 +00:00\n' +
        'GPU(s) [2]: reserved by alice until Sun 2026-03-01 13:00 +00:00 - its command runs under the original ' +
        "canhazgpu: 'canhazgpu release --gpu-ids 2' when it ends\n",
      stderr:
        'Not imported: GPU(s) [3]: reserved for Team Vision (zoe), who has no account on this machine\n' +
        'Not imported: 2 usage records that cannot be read\n' +
        'Not imported: 1 request in the queue - end the waiting commands, and start them again with this program\n',
    },
  ],
  [
    {
      ...{ kind: 'imported', gpuCount: 1, created: { kind: 'initialized', gpuCount: 1 } },
      takeOver: {
        ...{ taken: { reservations: [], lastUses: [], records: [] }, running: [], ownerless: [] },
        ...{ unreadable: 0, waiting: 0 },
      },
    },
    {
      stdout: 'Initialized 1 GPUs (IDs 0 to 0)\nImported 0 reservations and 0 usage records\n',
      stderr: '',
    },
  ],
  [
    { kind: 'checked', path: DB, problems: [], counts: COUNTS },
    { stdout: `The pool ${DB} is sound: 2 GPUs, 1 reservation, 0 waiting, 3 usage records\n` },
  ],
  [
    {
      ...{ kind: 'checked', path: DB, problems: [], counts: COUNTS },
      driver: { kind: 'compared', shown: 4, differences: [] },
    },
    {
      stdout: `The pool ${DB} is sound: 2 GPUs, 1 reservation, 0 waiting, 3 usage records\n`,
      stderr:
        "The driver shows 4 GPUs, and the pool has 2 of them - 'sudo canhazgpu admin --gpus 4 --force' manages all, and ends all reservations\n",
    },
  ],
  [
    {
      ...{
        kind: 'checked',
        path: DB,
        problems: [{ kind: 'access', what: 'it is closed', remedy: 'open it' }],
      },
      driver: { kind: 'unanswered', code: 'driver-failed', reason: 'NVML: some reason' },
    },
    { stdout: 'it is closed - open it\n', stderr: 'Not compared with the driver: NVML: some reason\n' },
  ],
  [{ kind: 'refreshed', units: POOL.units }, { stdout: 'Adopted 2 GPU(s): [0, 1]\n' }],
  [
    { kind: 'refreshed', units: [] },
    { stdout: 'The pool has the GPUs that the driver shows: nothing to adopt\n' },
  ],
  [{ kind: 'backed-up', path: '/root/pool.db' }, { stdout: 'Wrote /root/pool.db\n' }],
  [{ kind: 'threshold-set', thresholdMb: 400 }, { stdout: 'Memory threshold: 400 MB\n' }],
]
for (const [answer, printed] of ADMIN) {
  test(`admin: ${JSON.stringify(printed)}`, () => expect(adminText(answer)).toEqual(printed))
}

test.each([
  [['access'], 'store-unavailable', '1 problem'],
  [['device'], 'driver-failed', '1 problem'],
  [['device', 'access'], 'store-unavailable', '2 problems'],
  [['access', 'damage'], 'store-corrupt', '2 problems'],
] as const)('admin --check of a pool with problems of kind %j fails with %s', (kinds, code, count) => {
  const problems = kinds.map((kind) => ({ kind, what: 'a', remedy: 'b' }))
  expect(adminFailure({ kind: 'checked', path: DB, problems })).toMatchObject({
    code,
    message: `The pool ${DB} is not sound: ${count}`,
  })
})

const RELEASES: readonly (readonly [Parameters<typeof release.text>[0], Printed])[] = [
  [
    { kind: 'released', units: ['1', '3'], asked: undefined, unreserved: [] },
    { stdout: 'Released 2 GPU(s): [1, 3]\n' },
  ],
  [
    { kind: 'released', units: [], asked: undefined, unreserved: [] },
    { stdout: 'No manually reserved GPUs found for current user\n' },
  ],
  [
    { kind: 'released', units: [], asked: ['1'], unreserved: ['1'] },
    { stdout: 'No reservation of yours on GPU 1\n' },
  ],
  [
    { kind: 'released', units: ['1'], asked: ['0', '1'], unreserved: ['0'] },
    {
      stdout: 'Released 1 GPU(s): [1]\n',
      stderr: 'GPU 0 was not released: it has no reservation\n',
    },
  ],
  [
    { kind: 'released', units: ['1'], asked: ['0', '1', '2'], unreserved: ['0', '2'] },
    {
      stdout: 'Released 1 GPU(s): [1]\n',
      stderr: 'GPUs 0, 2 were not released: they have no reservation\n',
    },
  ],
]
for (const [answer, printed] of RELEASES) {
  test(`release: ${JSON.stringify(printed)}`, () => expect(release.text(answer, FILE)).toEqual(printed))
}

test('extend', () => {
  const held = manualOf({ units: [1, 2], expiresAt: NOW + 5 * HOUR })
  expect(extend.text({ reservations: [held], now: NOW }, FILE)).toEqual({
    stdout: 'Extended 2 GPU(s): [1, 2], expires in 5h 0m 0s\n',
  })
})

test('queue: nobody waits, and the driver was not read', () => {
  const driverFailure = new CanhazgpuError('driver-failed', 'NVML: some reason')
  expect(queue.text({ places: [], now: NOW, driverFailure }, FILE)).toEqual({
    stdout: 'Nobody is waiting\n',
    stderr: 'GPUs not checked: NVML: some reason\n',
  })
})

const AVAILABLE: GpuStatus = {
  kind: 'available',
  unit: unit(0),
  use: { kind: 'measured', memoryUsedMb: 0, processes: [] },
}
const SHOWN = {
  pool: POOL,
  view: { now: NOW, thresholdMb: 1_024 },
  form: 'lines',
} as const
const NOTICES = [
  ['mine', false, [], 'You neither hold nor use a GPU'],
  ['free', false, [], "No GPU is available: see 'canhazgpu status' for the holders"],
  ['mine and free', false, [], 'None of your processes uses an available GPU'],
  [
    'none',
    true,
    [AVAILABLE],
    "Warning: the driver shows none of the 2 GPUs of the pool by UUID, but others in their places - 'sudo canhazgpu admin --refresh' adopts them and ends no reservation",
  ],
] as const
test.each(NOTICES)('status with filter %s, all GPUs replaced: %p', (filter, areReplaced, gpus, notice) => {
  expect(status.text({ ...SHOWN, filter, areReplaced, gpus }, FILE).stderr).toBe(`${notice}\n`)
})
