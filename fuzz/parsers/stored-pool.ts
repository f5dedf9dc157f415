import { decodePool, encodePool } from '../../src/adapters/store/document/codec.ts'
import { queue } from '../../src/cli/commands/queue.ts'
import { unknownReadings } from '../../src/domain/observation/readings.ts'
import { statusOf } from '../../src/domain/observation/status.ts'
import { settle } from '../../src/domain/operation/ending.ts'
import { followClock } from '../../src/domain/pool/clock.ts'
import type { Moment, Pool, Request, UnitId } from '../../src/domain/pool/model.ts'
import { compareUnits, gpuUnit, hasUnit, unitsOf, wholeUnits } from '../../src/domain/pool/units.ts'
import { queuePlaces } from '../../src/domain/schedule/queue-places.ts'
import { startableEntries } from '../../src/domain/schedule/startable.ts'
import { printableJson } from '../../src/domain/text/text.ts'
import { queueDocument } from '../../src/views/documents/queue-document.ts'
import { statusDocument } from '../../src/views/documents/status-document.ts'
import { statusLine } from '../../src/views/words/status/line.ts'
import type { Parser } from '../parser.ts'
import { answerOf, checkJson, checkLine, checkScreen, isWhole, verify } from '../soundness.ts'

const PLAIN = { color: false, terminal: false, columns: Number.POSITIVE_INFINITY }

const NOW = 1_750_000_000_000
const BOOT = '1b4e28ba-2fa1-11d2-883f-0016d3cca427'
const process = (pid: number) => ({ pid, startTime: pid * 100, bootId: BOOT, pidNamespace: '4026531836' })
const alice = { uid: 1000, name: 'alice' }
const bob = { uid: 1001, name: 'bob' }
const written: Moment = { wall: NOW, steady: { epoch: `${BOOT}/4026531834`, ms: 86_400_000 } }
const limit = { interruptAt: NOW + 3_600_000, killAt: NOW + 3_630_000 }
const run = {
  ...{ process: process(4242), heartbeatAt: NOW - 5_000 },
  command: 'python train.py --model llama',
}

const POOL: Pool = {
  host: 'gpubox',
  provider: 'nvml',
  units: [0, 1, 2, 3].map((at) => ({
    id: gpuUnit(at),
    device: { uuid: `GPU-${at}`, name: 'H100' },
    shape: { kind: 'gpu' },
    lastUse: { endedAt: NOW - at, uid: 7 },
  })),
  reservations: [
    {
      id: 'a1b2c3d4e5f6',
      owner: { account: alice, shownName: 'alice' },
      holdings: wholeUnits(['0', '2']),
      startedAt: NOW - 3_600_000,
      note: 'Nachtlauf',
      term: { kind: 'run', ...run, limit },
    },
    {
      id: 'b1',
      owner: { account: alice, shownName: 'carol' },
      holdings: wholeUnits(['1']),
      startedAt: NOW,
      term: { kind: 'manual', expiresAt: NOW + 60_000 },
    },
  ],
  queue: [
    {
      id: 'c1',
      owner: { account: bob, shownName: 'bob' },
      request: { kind: 'count', count: 4 },
      term: { kind: 'run' },
      process: process(4343),
      joinedAt: NOW - 60_000,
      heartbeatAt: NOW,
    },
    {
      id: 'd1',
      owner: { account: alice, shownName: 'alice' },
      request: { kind: 'ids', ids: ['1', '3'] },
      term: { kind: 'manual', duration: 3_600_000 },
      process: process(4444),
      joinedAt: NOW - 50_000,
      heartbeatAt: NOW,
      waitUntil: NOW + 600_000,
      startableSince: NOW - 500,
      note: 'later',
    },
  ],
  policy: { allocation: 'lru' },
  writtenAt: written,
}

/** A document with values that only a later release writes. */
const LATER: Pool = {
  ...POOL,
  units: [
    ...POOL.units,
    { id: '10', device: { uuid: 'MIG-10', name: 'H100' }, shape: { kind: 'mig', profile: '1g.10gb' } },
  ],
  reservations: [
    ...POOL.reservations,
    {
      id: 'e1',
      owner: { account: bob, shownName: 'bob' },
      holdings: [{ unit: '3', share: { kind: 'memory', mb: 4_096 } }],
      startedAt: NOW,
      term: { kind: 'booking', from: NOW, until: NOW + 60_000 },
    },
    {
      id: 'f1',
      owner: { account: { uid: 0, name: 'root' }, shownName: 'root' },
      holdings: wholeUnits(['10']),
      startedAt: NOW,
      term: { kind: 'maintenance', from: NOW },
    },
  ],
}

/** A document of the first version, which has no units. */
const VERSION_1 = {
  version: 1,
  host: 'gpubox',
  provider: 'nvml',
  gpus: [0, 1, 2, 3].map((id) => ({
    ...{ id, uuid: `GPU-${id}`, name: 'H100' },
    ...{ releasedAt: NOW - id, releasedBy: 7 },
  })),
  reservations: [
    {
      ...{ id: 'a1b2c3d4e5f6', gpus: [0, 2], user: 'alice', account: alice, startedAt: NOW - 3_600_000 },
      ...{ kind: 'run', ...run, timeLimit: limit, note: 'Nachtlauf' },
    },
    {
      ...{ id: 'b1', gpus: [1], user: 'carol', account: alice, startedAt: NOW },
      ...{ kind: 'manual', expiresAt: NOW + 60_000 },
    },
  ],
  queue: [
    {
      ...{ id: 'd1', user: 'alice', account: alice, request: { kind: 'ids', ids: [1, 3] }, kind: 'manual' },
      ...{ process: process(4444), joinedAt: NOW - 50_000, heartbeatAt: NOW, waitUntil: NOW + 600_000 },
      ...{ duration: 3_600_000, servableSince: NOW - 500, note: 'later' },
    },
  ],
  settings: { allocation: 'lru' },
  writtenAt: written,
}

const SEALED = encodePool(POOL, POOL.writtenAt)

export const storedPool: Parser = {
  name: 'stored-pool',
  json: true,
  seeds: [
    JSON.stringify({ version: 2, ...POOL }),
    SEALED,
    JSON.stringify({ version: 2, ...POOL, reservations: [], queue: [] }),
    JSON.stringify({ version: 2, ...LATER }),
    JSON.stringify(VERSION_1),
  ],
  words: [
    ...[
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"',
      'null',
      '0',
      '1',
      '4',
      '1e999',
      '"version":',
      '"checksum":',
      '"gpus":',
      '"units":',
      '"holdings":',
      '"term":',
      '"kind":',
    ],
    ...[
      '"run"',
      '"manual"',
      '"count"',
      '"ids"',
      '"pid":',
      '"expiresAt":',
      '"booking"',
      '"mig"',
      '"3.0"',
      '"releasedAt":',
      '"__proto__":',
      '[0,1]',
    ],
  ],
  nesting: [
    ['[', ']'],
    ['{"gpus":', '}'],
    ['{"units":', '}'],
  ],
  check(input) {
    const pool = answerOf(['store-corrupt', 'store-too-new'], () => decodePool(input))
    if (pool === null) return
    checkInvariants(pool)
    checkReadAgain(pool)
    for (const moment of MOMENTS) checkShown(pool, moment)
  },
}

const MOMENTS: readonly Moment[] = [
  POOL.writtenAt,
  { wall: 0, steady: { epoch: 'another boot', ms: 0 } },
  { wall: NOW + 1e9, steady: { epoch: POOL.writtenAt.steady.epoch, ms: 86_400_001 } },
]

function checkInvariants(pool: Pool): void {
  const { units, reservations, queue } = pool
  const held = reservations.flatMap(unitsOf)
  verify(new Set(held).size === held.length, 'a unit in two reservations')
  verify(
    held.every((unit) => hasUnit(pool, unit)),
    'a reserved unit that does not exist',
  )
  verify(
    reservations.every(({ holdings }) => holdings.length > 0),
    'a reservation without a unit',
  )
  verify([units.map(({ id }) => id), ...reservations.map(unitsOf)].every(isInOrder), 'units in disorder')
  for (const { request } of queue) checkRequest(pool, request)
  const all = [...reservations, ...queue]
  verify(new Set(all.map(({ id }) => id)).size === all.length, 'two entries have one id')
  const runs = reservations.flatMap(({ term }) => (term.kind === 'run' ? [term] : []))
  for (const { process } of [...runs, ...queue]) {
    verify(isWhole(process.pid) && process.pid > 0, `pid ${process.pid}`)
    verify(process.pid <= 2 ** 22, 'a pid above the limit of the kernel')
  }
}

function checkRequest(pool: Pool, request: Request): void {
  if (request.kind === 'count') {
    verify(isWhole(request.count) && request.count > 0, 'a request for nothing')
    verify(request.count <= pool.units.length, 'a request for more GPUs than the pool has')
    return
  }
  verify(request.ids.length > 0, 'a request for nothing')
  verify(
    request.ids.every((unit) => hasUnit(pool, unit)),
    'a request for a unit that does not exist',
  )
  verify(new Set(request.ids).size === request.ids.length, 'a request for a unit twice')
}

const isInOrder = (units: readonly UnitId[]): boolean =>
  units.every((unit, at) => at === 0 || compareUnits(units[at - 1] ?? '', unit) < 0)

function checkReadAgain(pool: Pool): void {
  const again = decodePool(encodePool(pool, pool.writtenAt))
  verify(JSON.stringify(again) === JSON.stringify(pool), 'the pool is read as another one')
}

/** Checks all views of the pool at this time. */
function checkShown(stored: Pool, moment: Moment): void {
  for (const liveness of ['alive', 'gone'] as const) {
    const { pool } = settle(followClock(stored, moment), moment, {
      alive: () => liveness,
      stopped: () => liveness === 'gone',
    })
    checkInvariants(pool)
    startableEntries(pool, { now: moment.wall, stopped: () => liveness === 'gone' })
    const view = { now: moment.wall, thresholdMb: 1024 }
    const gpus = statusOf(pool, unknownReadings(pool, 'not asked'), view.thresholdMb)
    for (const gpu of gpus) checkLine(statusLine(gpu, view, PLAIN))
    checkJson(printableJson(statusDocument({ pool, view, gpus })))
    const evidence = { readings: unknownReadings(pool, 'not asked'), thresholdMb: 1024 }
    const reading = liveness === 'gone' ? {} : { reading: { evidence, reserved: new Set<UnitId>() } }
    const places = queuePlaces(pool, { now: moment.wall, stopped: () => liveness === 'gone', ...reading })
    checkJson(printableJson(queueDocument(places)))
    checkScreen(queue.text(places, PLAIN).stdout ?? '')
  }
}
