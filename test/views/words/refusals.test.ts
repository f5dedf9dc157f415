import { expect, test } from 'bun:test'
import * as v from 'valibot'
import type { Reason, Shortage } from '../../../src/domain/operation/refusal.ts'
import { refusalDocument } from '../../../src/views/documents/refusal-document.ts'
import { refusal } from '../../../src/views/schemas/refusal.ts'
import { refusalError, unlessRefused } from '../../../src/views/words/refusals.ts'
import { bookedOf } from '../../domain/pool/builders.ts'

const SHORT: Shortage = {
  ...{ code: 'short', requested: 4, available: 2, taken: [], ahead: 0, now: 0 },
  ...{ busy: [], occupied: [], booked: [], draining: [], faulty: [], replaced: [] },
}
const occupied = [{ unit: '1', users: ['bob'] }]
const faulty = [
  { unit: '2', fault: { kind: 'fault', code: 'reported', reason: 'GPU is lost' } },
  { unit: '3', fault: { kind: 'fault', code: 'replaced' } },
] as const
const fan = { since: 0, by: { uid: 0, name: 'root' }, reason: 'fan' }
const draining = [
  { unit: '2', drain: fan },
  { unit: '5', drain: { since: 0, by: { uid: 1000, name: 'ann' } } },
]
const drains = [
  { gpu_id: 2, by: 'root', since: '1970-01-01T00:00:00.000Z', reason: 'fan' },
  { gpu_id: 5, by: 'ann', since: '1970-01-01T00:00:00.000Z' },
]
const booked = [{ unit: '3', id: 'a', by: 'ann', from: 36_000_000, until: 43_200_000 }]
const bookedFacts = [
  {
    ...{ gpu_id: 3, booking: 'a', user: 'ann' },
    ...{ from: '1970-01-01T10:00:00.000Z', until: '1970-01-01T12:00:00.000Z' },
  },
]
const models = [
  { name: 'NVIDIA H100 80GB HBM3', memoryMb: 81_559, count: 2 },
  { name: 'NVIDIA A100', count: 1 },
]
const modelFacts = [
  { gpu_model: 'NVIDIA H100 80GB HBM3', memory_total_mb: 81_559, gpus: 2 },
  { gpu_model: 'NVIDIA A100', gpus: 1 },
]
const SHORTAGE = 'Not enough GPUs available. Requested: 4, Available: 2'
const SEE = "see 'canhazgpu status' for the GPUs of this machine"

/** Each reason with its code, message, hint and facts for programs. */
const CASES: readonly (readonly [Reason, string, string, string | undefined, object])[] = [
  [
    SHORT,
    'not-enough-gpus',
    SHORTAGE,
    undefined,
    { ...{ busy: [], occupied: [], draining: [], faulty: [], replaced: [] } },
  ],
  [
    { ...SHORT, busy: [{ unit: '0', owner: 'bob', until: 3_600_000, own: false }] },
    'not-enough-gpus',
    SHORTAGE,
    'bob holds 0 for another 1h 0m 0s; wait in the queue with --wait',
    {
      ...{ code: 'short', requested: 4, available: 2, taken: [], ahead: 0 },
      busy: [{ gpu_id: 0, user: 'bob', until: '1970-01-01T01:00:00.000Z', yours: false }],
      ...{ occupied: [], draining: [], faulty: [], replaced: [] },
    },
  ],
  [
    { ...SHORT, occupied, faulty, replaced: ['3'] },
    'not-enough-gpus',
    `${SHORTAGE} (1 GPUs in use without reservation, 1 GPUs with errors, 1 GPUs replaced by others, which 'sudo canhazgpu admin --refresh' adopts - run 'canhazgpu status' for details)`,
    undefined,
    {
      occupied: [{ gpu_id: 1, users: ['bob'] }],
      faulty: [
        { gpu_id: 2, error: 'GPU is lost', reason: { code: 'reported' } },
        { gpu_id: 3, reason: { code: 'replaced' } },
      ],
      replaced: [3],
    },
  ],
  [
    { ...SHORT, draining },
    'not-enough-gpus',
    `${SHORTAGE} (2 GPUs drained - run 'canhazgpu status' for details)`,
    'GPU 2 drained by root - fan, GPU 5 drained by ann',
    { code: 'short', draining: drains },
  ],
  [
    { ...SHORT, taken: ['2'], draining },
    'not-enough-gpus',
    "GPU 2 is not available (2 GPUs drained - run 'canhazgpu status' for details)",
    'GPU 2 drained by root - fan; wait in the queue with --wait',
    { code: 'short', taken: [2], draining: drains },
  ],
  [
    { ...SHORT, requirements: { gpuTypes: ['h100'], leastMemoryMb: 38_146 } },
    'not-enough-gpus',
    'Not enough GPUs of type h100 with at least 40G available. Requested: 4, Available: 2',
    undefined,
    { code: 'short', gpu_types: ['h100'], min_memory_mb: 38_146 },
  ],
  [
    {
      ...{ code: 'impossible', managed: ['0', '1', '2'] },
      missing: { kind: 'suitable', count: 1, requirements: { gpuTypes: ['v100'] }, suitable: 0, models },
    },
    'impossible-request',
    'This pool has no GPU of type v100; it has 2 NVIDIA H100 80GB HBM3 (81559MB), 1 NVIDIA A100 (memory unknown)',
    SEE,
    {
      ...{ code: 'impossible', gpus: 3, requested: 1, gpu_types: ['v100'], suitable: 0 },
      models: modelFacts,
    },
  ],
  [
    {
      ...{ code: 'impossible', managed: ['0', '1', '2'] },
      missing: { kind: 'suitable', count: 3, requirements: { leastMemoryMb: 38_146 }, suitable: 2, models },
    },
    'impossible-request',
    'Cannot reserve 3 GPUs with at least 40G: only 2 match; this pool has 2 NVIDIA H100 80GB HBM3 (81559MB), 1 NVIDIA A100 (memory unknown)',
    "'sudo canhazgpu admin --refresh' stores the memory of the GPUs",
    { ...{ code: 'impossible', requested: 3, min_memory_mb: 38_146, suitable: 2 }, models: modelFacts },
  ],
  [
    { code: 'draining', draining },
    'not-enough-gpus',
    'Cannot extend: GPU 2 drained by root - fan, GPU 5 drained by ann',
    "GPUs 2, 5 stay yours until the reservation expires; to extend its other GPUs, first use 'release --gpu-ids 2,5'",
    { code: 'draining', draining: drains },
  ],
  [
    {
      ...SHORT,
      taken: ['2'],
      ahead: 1,
      busy: [
        { unit: '4', owner: 'bob', own: false },
        { unit: '0', owner: 'ann', own: true },
        { unit: '2', owner: 'ann', own: true },
        { unit: '1', owner: 'ann', own: true },
        { unit: '6', owner: 'cyd', until: 0, own: false },
      ],
    },
    'not-enough-gpus',
    'GPU 2 is not available (1 ahead in the queue)',
    "you hold 0-2, bob holds 4, cyd holds 6; see 'canhazgpu queue', and wait in the queue with --wait",
    { busy: [{ yours: false }, { yours: true }, { yours: true }, { yours: true }, { yours: false }] },
  ],
  [
    {
      ...SHORT,
      busy: ['a', 'b', 'c', 'd', 'e', 'f'].map((owner, id) => ({ unit: `${id}`, owner, own: false })),
    },
    'not-enough-gpus',
    SHORTAGE,
    'a holds 0, b holds 1, c holds 2, d holds 3 and 2 other reservations; wait in the queue with --wait',
    {},
  ],
  [
    { ...SHORT, ahead: 3 },
    'not-enough-gpus',
    `${SHORTAGE} (3 ahead in the queue)`,
    "see 'canhazgpu queue', and wait in the queue with --wait",
    { ahead: 3 },
  ],
  [
    { ...SHORT, taken: ['1', '3'] },
    'not-enough-gpus',
    'GPUs 1, 3 are not available',
    "see 'canhazgpu status', or wait in the queue with --wait",
    { taken: [1, 3] },
  ],
  [
    { ...SHORT, taken: ['1'], occupied },
    'not-enough-gpus',
    "GPU 1 is not available (1 GPUs in use without reservation - run 'canhazgpu status' for details)",
    'wait in the queue with --wait',
    { taken: [1], occupied: [{ gpu_id: 1, users: ['bob'] }] },
  ],
  [
    { code: 'impossible', missing: { kind: 'count', count: 9 }, managed: ['0', '1'] },
    'impossible-request',
    'Cannot reserve 9 GPUs: this pool has 2 GPUs (IDs 0 to 1)',
    SEE,
    { code: 'impossible', requested: 9, gpus: 2 },
  ],
  [
    { code: 'impossible', missing: { kind: 'ids', ids: ['7', '8'] }, managed: ['0'] },
    'impossible-request',
    'No such GPU: 7, 8: this pool has 1 GPU (ID 0)',
    SEE,
    { code: 'impossible', gpu_ids: [7, 8], gpus: 1 },
  ],
  [
    { code: 'no-such-unit', units: ['7'] },
    'impossible-request',
    'No such GPU: 7',
    SEE,
    { code: 'no-such-unit', gpu_ids: [7] },
  ],
  [
    { code: 'not-yours', unit: '3', owner: 'alice (bob)', requested: ['3'], now: 0 },
    'not-yours',
    'GPU 3 is reserved by alice (bob)',
    'ask its holder, or an administrator, to release it',
    { code: 'not-yours', gpu_id: 3, user: 'alice (bob)', requested: [3] },
  ],
  [
    { code: 'not-yours', unit: '3', owner: 'bob', until: 60_000, requested: ['2', '3'], now: 0 },
    'not-yours',
    'GPU 3 is reserved by bob for another 0h 1m 0s',
    'ask its holder, or an administrator, to release it; nothing was released',
    { code: 'not-yours', gpu_id: 3, user: 'bob', until: '1970-01-01T00:01:00.000Z', requested: [2, 3] },
  ],
  [
    {
      ...{ code: 'timed-out', now: 0 },
      busy: [{ unit: '0', owner: 'bob', until: 60_000, own: false }],
    },
    'wait-timed-out',
    'Timed out waiting for GPUs',
    "bob holds 0 for another 0h 1m 0s; see 'canhazgpu queue' and 'canhazgpu status'",
    { busy: [{ gpu_id: 0, user: 'bob', until: '1970-01-01T00:01:00.000Z', yours: false }] },
  ],
  [
    { code: 'timed-out', now: 0, busy: [], booked },
    'wait-timed-out',
    'Timed out waiting for GPUs',
    "GPU 3 is free until 10:00 (booked by ann); see 'canhazgpu queue' and 'canhazgpu status'",
    { busy: [], booked: bookedFacts },
  ],
  [
    { code: 'timed-out', now: 0, busy: [] },
    'wait-timed-out',
    'Timed out waiting for GPUs',
    "see 'canhazgpu queue' and 'canhazgpu status'",
    { busy: [] },
  ],
  [
    {
      ...{ code: 'timed-out', now: 0 },
      busy: [{ unit: '0', owner: 'ann', until: 60_000, own: true }],
      over: { scope: { kind: 'group', gid: 500, name: 'students' }, used: 1, most: 1 },
    },
    'wait-timed-out',
    'Timed out waiting for GPUs',
    "your limit of 1 GPUs is reached (max-gpus of group students): you have 1; you hold 0 for another 0h 1m 0s; see 'canhazgpu queue' and 'canhazgpu status'",
    {
      code: 'timed-out',
      limit_reached: { used: 1, most: 1, source: 'group', name: 'students' },
    },
  ],
  [
    { code: 'over-limit', limit: 'account', waiting: 256, most: 256 },
    'too-many-waiting',
    'Your limit is 256 requests in the queue (the default of max-waiting): you have 256',
    "try again when one of them has started or ended: see 'canhazgpu queue'",
    { code: 'over-limit', limit: 'account', waiting: 256, most: 256, source: 'default' },
  ],
  [
    {
      ...{ code: 'over-limit', limit: 'account', scope: { kind: 'group', gid: 500, name: 'students' } },
      ...{ waiting: 2, most: 2, frees: { at: 60_000, now: 0 } },
    },
    'too-many-waiting',
    'Your limit is 2 requests in the queue (max-waiting of group students): you have 2',
    "one of them is expected to leave the queue in 0h 1m 0s: see 'canhazgpu queue'",
    {
      ...{ code: 'over-limit', limit: 'account', waiting: 2, most: 2, source: 'group', name: 'students' },
      allowed_at: '1970-01-01T00:01:00.000Z',
    },
  ],
  [
    { code: 'over-limit', limit: 'account', scope: { kind: 'pool' }, waiting: 0, most: 0 },
    'too-many-waiting',
    'Your limit is 0 requests in the queue (max-waiting of this pool): you have 0',
    'leave out --wait',
    { limit: 'account', waiting: 0, most: 0, source: 'pool' },
  ],
  [
    { code: 'over-limit', limit: 'queue', waiting: 4_096, most: 4_096 },
    'too-many-waiting',
    'The queue is full: 4096 requests of all accounts wait already, at most 4096',
    "try again when some of them have started: see 'canhazgpu queue'",
    { code: 'over-limit', limit: 'queue', waiting: 4_096, most: 4_096 },
  ],
  [
    {
      ...{ code: 'over-limit', limit: 'gpus', scope: { kind: 'pool' }, requested: 1, used: 2, most: 2 },
      frees: { at: 3_600_000, now: 0 },
    },
    'over-limit',
    'Your limit is 2 GPUs at once (max-gpus of this pool): you have 2, requested 1',
    'allowed in 1h 0m 0s; wait in the queue with --wait, or release some of yours',
    {
      ...{ code: 'over-limit', limit: 'gpus', requested: 1, used: 2, most: 2, source: 'pool' },
      allowed_at: '1970-01-01T01:00:00.000Z',
    },
  ],
  [
    {
      ...{ code: 'over-limit', limit: 'gpus', scope: { kind: 'group', gid: 500, name: 'students' } },
      ...{ requested: 2, used: 3, most: 4 },
    },
    'over-limit',
    'Your limit is 4 GPUs at once (max-gpus of group students): you have 3, requested 2',
    'allowed when enough of yours have ended; wait in the queue with --wait, or release some of yours',
    { source: 'group', name: 'students', used: 3 },
  ],
  [
    {
      ...{ code: 'over-limit', limit: 'gpus', scope: { kind: 'account', uid: 1000, name: 'ann' } },
      ...{ requested: 3, used: 0, most: 2 },
    },
    'impossible-request',
    'Your limit is 2 GPUs at once (max-gpus of account ann): you have 0, requested 3',
    "request at most 2; see 'canhazgpu policy'",
    { source: 'account', name: 'ann', requested: 3, most: 2 },
  ],
  [
    {
      ...{ code: 'over-limit', limit: 'duration', scope: { kind: 'pool' } },
      ...{ asked: 28_800_000, most: 14_400_000 },
    },
    'impossible-request',
    'Your limit is 4h 0m 0s (max-duration of this pool): requested 8h 0m 0s',
    "request at most 4h 0m 0s; see 'canhazgpu policy'",
    { limit: 'duration', requested_seconds: 28_800, most_seconds: 14_400, source: 'pool' },
  ],
  [
    {
      ...{ code: 'over-limit', limit: 'duration', scope: { kind: 'pool' } },
      ...{ asked: 28_800_000, most: 14_400_000, lasts: 10_800_000 },
    },
    'impossible-request',
    'Your limit is 4h 0m 0s (max-duration of this pool): the reservation has 3h 0m 0s, requested 8h 0m 0s in all',
    'extend by at most 1h 0m 0s',
    { limit: 'duration', requested_seconds: 28_800, most_seconds: 14_400, used_seconds: 10_800 },
  ],
  [
    {
      ...{ code: 'over-limit', limit: 'duration', scope: { kind: 'pool' } },
      ...{ asked: 28_800_000, most: 14_400_000, lasts: 14_400_000 },
    },
    'impossible-request',
    'Your limit is 4h 0m 0s (max-duration of this pool): the reservation has 4h 0m 0s, requested 8h 0m 0s in all',
    'reserve again when it has ended',
    { limit: 'duration', used_seconds: 14_400 },
  ],
  [
    {
      ...{ code: 'over-limit', limit: 'duration', scope: { kind: 'pool' } },
      ...{ asked: 3_601_000, most: 3_600_000, grace: 1_000 },
    },
    'impossible-request',
    'Your limit is 1h 0m 0s (max-duration of this pool): requested 1h 0m 1s, with 0h 0m 1s of --grace above 0h 0m 30s',
    "request at most 1h 0m 0s; see 'canhazgpu policy'",
    { limit: 'duration', requested_seconds: 3_601, most_seconds: 3_600, source: 'pool' },
  ],
  [
    { code: 'nothing-to-extend' },
    'failure',
    'No manually reserved GPUs found for current user to extend',
    undefined,
    { code: 'nothing-to-extend' },
  ],
  [
    { code: 'nothing-to-extend', units: ['1', '2'] },
    'failure',
    'No manual reservation of yours on GPUs 1, 2 to extend',
    undefined,
    { code: 'nothing-to-extend', gpu_ids: [1, 2] },
  ],
  [
    { code: 'promised', earliest: 43_260_000 },
    'not-enough-gpus',
    'Others wait in the queue for these GPUs and would wait longer',
    "it fits --at 'Thu 1970-01-01 12:01 +00:00'; see 'canhazgpu queue'",
    { earliest: '1970-01-01T12:01:00.000Z' },
  ],
  [
    { code: 'promised' },
    'not-enough-gpus',
    'Others wait in the queue for these GPUs and would wait longer',
    "see 'canhazgpu queue'",
    { code: 'promised' },
  ],
  [{ code: 'gone' }, 'failure', 'The process that requested the GPUs has ended', undefined, { code: 'gone' }],
  [
    { code: 'nothing-to-claim', claimable: 0 },
    'failure',
    'No unreserved GPU is used only by your processes',
    "see 'canhazgpu status'",
    { code: 'nothing-to-claim', claimable: 0 },
  ],
  [
    { code: 'nothing-to-claim', claimable: 1, because: { kind: 'hidden-process', pid: 7 } },
    'failure',
    'Only 1 unreserved GPU(s) are used only by your processes',
    'the owner of PID 7 cannot be seen from here',
    { claimable: 1, hidden_pid: 7 },
  ],
  [
    {
      ...{ code: 'nothing-to-claim', claimable: 0 },
      because: { kind: 'unexplained-memory', unit: '2', memoryMb: 900 },
    },
    'failure',
    'No unreserved GPU is used only by your processes',
    '900MB on GPU 2 belong to no known process, so another account may use it',
    { unexplained: { gpu_id: 2, memory_mb: 900 } },
  ],
  [
    { code: 'owners-unknown' },
    'failure',
    '--claim cannot find the owners of the processes on the GPUs: the driver reports process ids of the host, which differ in this pid namespace',
    'run it on the host, or in a container with --pid=host',
    { code: 'owners-unknown' },
  ],
  [
    { code: 'already-initialized', units: 8 },
    'pool-already-initialized',
    'GPU pool already initialized with 8 GPUs. Use --force to reinitialize',
    undefined,
    { code: 'already-initialized', gpus: 8 },
  ],
  [
    { code: 'too-few-devices', asked: 8, shown: 4, provider: 'nvml' },
    'impossible-request',
    'Cannot set up 8 GPUs: nvml shows 4',
    'use --gpus 4',
    { code: 'too-few-devices', requested: 8, shown: 4, provider: 'nvml' },
  ],
  [
    { code: 'devices-missing', units: ['1'], managed: 2, shown: 1 },
    'failure',
    'Cannot adopt the GPUs: the pool has 2, the driver shows 1, and none for GPU 1',
    "restore the missing GPUs, or set up the pool again with 'sudo canhazgpu admin --gpus 1 --force', which ends all reservations",
    { code: 'devices-missing', gpu_ids: [1], gpus: 2, shown: 1 },
  ],
  [
    { ...SHORT, booked },
    'not-enough-gpus',
    `${SHORTAGE} (1 GPUs booked - run 'canhazgpu status' for details)`,
    'GPU 3 is free until 10:00 (booked by ann)',
    { booked: bookedFacts },
  ],
  [
    { code: 'booked', now: 0, booked, term: 'run', requested: 1, available: 0, longest: 36_000_000 },
    'not-enough-gpus',
    'GPU 3 is free until 10:00 (booked by ann): add --timeout 9h55m or --until-booked',
    undefined,
    { booked: bookedFacts, requested: 1, available: 0, longest_seconds: 36_000 },
  ],
  [
    {
      ...{ code: 'booked', now: 0, booked, term: 'manual', requested: 1, available: 0 },
      ...{ longest: 36_000_000, asked: 43_200_000 },
    },
    'not-enough-gpus',
    'GPU 3 is free until 10:00 (booked by ann): --duration 12h is too long, use --duration 9h55m',
    undefined,
    { longest_seconds: 36_000, requested_seconds: 43_200 },
  ],
  [
    { code: 'breaks-bookings', bookings: [bookedOf({ id: 'a' })] },
    'not-enough-gpus',
    'No GPUs would be left for the booking a of alice (GPU 0 from Sun 2026-03-01 13:00 +00:00 until Sun 2026-03-01 14:00 +00:00)',
    "root can cancel it with 'canhazgpu release a'",
    { lost_bookings: [{ booking: 'a', account: 'alice', gpus: 1 }] },
  ],
  [
    {
      ...{ code: 'over-limit', limit: 'gpus', scope: { kind: 'pool' }, requested: 1, used: 2, most: 2 },
      ...{ at: 36_000_000, bookings: [bookedOf({ id: 'a', units: [0, 1] })] },
    },
    'over-limit',
    'Your limit is 2 GPUs at once (max-gpus of this pool): from Thu 1970-01-01 10:00 +00:00 you have 2, requested 1',
    "your booking a has 2 of them: request a shorter or another time, or cancel it with 'canhazgpu release a'",
    { exceeded_at: '1970-01-01T10:00:00.000Z', own_bookings: [{ booking: 'a' }] },
  ],
  [
    { code: 'booked', now: 0, booked },
    'not-enough-gpus',
    'GPU 3 is booked by ann from 10:00 until 12:00',
    "see 'canhazgpu schedule'",
    { booked: bookedFacts },
  ],
  [
    {
      ...{ code: 'unbookable', requested: 2, available: 1, now: 0, from: 36_000_000, until: 39_600_000 },
      ...{ busy: [], booked, draining: [], occupied: [], faulty: [], earliest: 43_260_000 },
    },
    'not-enough-gpus',
    'Not enough GPUs from Thu 1970-01-01 10:00 +00:00 until Thu 1970-01-01 11:00 +00:00. Requested: 2, Available: 1 (1 GPUs booked)',
    "GPU 3 is booked by ann from 10:00 until 12:00; it fits --at 'Thu 1970-01-01 12:01 +00:00'",
    { earliest: '1970-01-01T12:01:00.000Z', booked: bookedFacts, busy: [] },
  ],
  [
    { code: 'bookings-off' },
    'impossible-request',
    'You may not book GPUs in this pool',
    "an administrator allows it with 'canhazgpu policy set bookings on'",
    { source: 'default' },
  ],
  [
    { code: 'bookings-off', scope: { kind: 'account', uid: 1001, name: 'ann' } },
    'impossible-request',
    'You may not book GPUs in this pool',
    "an administrator allows it with 'canhazgpu policy set bookings on --account ann'",
    { source: 'account', name: 'ann' },
  ],
  [
    { code: 'past', from: 36_000_000, now: 40_000_000 },
    'usage',
    'Thu 1970-01-01 10:00 +00:00 has passed',
    undefined,
    { from: '1970-01-01T10:00:00.000Z' },
  ],
  [
    { code: 'no-such-booking', id: 'x\u001b[2J' },
    'failure',
    'No booking or reservation has the id x [2J',
    "see 'canhazgpu schedule'",
    { id: 'x\u001b[2J' },
  ],
  [
    { code: 'policy-needs', key: 'bookings', missing: ['max-duration', 'default-duration'] },
    'failure',
    'Bookings need max-duration and default-duration for the whole pool, so that every run has a known end',
    "set it first, for example with 'policy set max-duration 2d'",
    { rule: 'bookings', missing: ['max-duration', 'default-duration'] },
  ],
  [
    {
      ...{ code: 'policy-needs', key: 'bookings', missing: ['max-duration'] },
      on: [{ kind: 'pool' }, { kind: 'group', gid: 500, name: 'staff' }],
    },
    'failure',
    'Bookings need max-duration for the whole pool, so that every run has a known end',
    "first switch bookings off with 'policy unset bookings', 'policy unset bookings --group staff'",
    { on: [{ source: 'pool' }, { source: 'group', name: 'staff' }] },
  ],
  [
    { code: 'over-limit', limit: 'ahead', asked: 9 * 86_400_000, most: 7 * 86_400_000 },
    'impossible-request',
    'A booking may begin at most 168h 0m 0s ahead (the default of max-booked-ahead): requested 216h 0m 0s',
    "see 'canhazgpu policy'",
    { limit: 'ahead', requested_seconds: 777_600, most_seconds: 604_800 },
  ],
  [
    { code: 'over-limit', limit: 'bookings', booked: 4, most: 4 },
    'over-limit',
    'Your limit is 4 bookings (the default of max-waiting): you have 4',
    "see 'canhazgpu schedule'",
    { limit: 'bookings', booked: 4, most: 4, source: 'default' },
  ],
  [
    {
      ...{ code: 'over-limit', limit: 'bookings', scope: { kind: 'pool' }, booked: 4, most: 4 },
      frees: { at: 3_600_000, now: 0 },
    },
    'over-limit',
    'Your limit is 4 bookings (max-waiting of this pool): you have 4',
    "the first of them begins in 1h 0m 0s: see 'canhazgpu schedule'",
    { limit: 'bookings', booked: 4, source: 'pool', allowed_at: '1970-01-01T01:00:00.000Z' },
  ],
  [
    { code: 'over-limit', limit: 'all-bookings', booked: 1_024, most: 1_024 },
    'over-limit',
    'This pool has 1024 bookings already, and no more are possible',
    "see 'canhazgpu schedule'",
    { limit: 'all-bookings', booked: 1_024, most: 1_024 },
  ],
  [
    {
      ...{ code: 'over-limit', limit: 'gpus', scope: { kind: 'pool' } },
      ...{ requested: 2, used: 1, most: 2, at: 36_000_000 },
    },
    'over-limit',
    'Your limit is 2 GPUs at once (max-gpus of this pool): from Thu 1970-01-01 10:00 +00:00 you have 1, requested 2',
    "see 'canhazgpu schedule', or release some of yours",
    { limit: 'gpus', exceeded_at: '1970-01-01T10:00:00.000Z' },
  ],
]

for (const [reason, code, message, hint, facts] of CASES) {
  test(`${reason.code}: ${message.slice(0, 60)}`, () => {
    const error = refusalError(reason)
    expect({ code: error.code, message: error.message, hint: error.hint }).toEqual({
      code,
      message,
      hint,
    } as typeof error)
    expect(error.reason).toBe(reason)
    const document = refusalDocument(reason)
    expect(v.parse(refusal, document)).toEqual(document)
    expect(document).toMatchObject({ code: reason.code, ...facts })
  })
}

test('an answer that is not a refusal is returned', () => {
  for (const answer of [null, [], { kind: 'granted' }]) expect(unlessRefused<unknown>(answer)).toBe(answer)
  expect(() => unlessRefused({ refused: { code: 'promised' } })).toThrow('would wait longer')
})

test('every reason is documented', async () => {
  const docs = await Bun.file(new URL('../../../docs/exit-codes.md', import.meta.url)).text()
  const documented = [...docs.matchAll(/^\| `[a-z-]+`\s+\| `([a-z-]+)`\s+\|/gm)].map(([, code]) => code)
  const known = new Set(CASES.map(([{ code }]) => code))
  expect(documented.toSorted()).toEqual([...known].toSorted())
})
