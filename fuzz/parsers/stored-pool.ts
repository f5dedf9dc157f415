import { decodePool, encodePool } from '../../src/adapters/store/document/codec.ts'
import { queuePlaces } from '../../src/app/queue-overview.ts'
import { queue } from '../../src/cli/commands/queue.ts'
import { statusOf } from '../../src/domain/observation/status.ts'
import { unknownUsage } from '../../src/domain/observation/usage.ts'
import { settle } from '../../src/domain/operation/ending.ts'
import { followClock } from '../../src/domain/pool/clock.ts'
import type { Moment, Pool } from '../../src/domain/pool/model.ts'
import { servableEntries } from '../../src/domain/schedule/line.ts'
import { printableJson } from '../../src/domain/text/text.ts'
import { queueDocument } from '../../src/views/documents/queue-document.ts'
import { statusDocument } from '../../src/views/documents/status-document.ts'
import { statusLine } from '../../src/views/words/status-line.ts'
import type { Parser } from '../parser.ts'
import { answerOf, checkJson, checkLine, checkScreen, hold, isAscending, isWhole } from '../soundness.ts'

const NOW = 1_750_000_000_000
const BOOT = '1b4e28ba-2fa1-11d2-883f-0016d3cca427'
const process = (pid: number) => ({ pid, startTime: pid * 100, bootId: BOOT, pidNamespace: '4026531836' })
const alice = { uid: 1000, name: 'alice' }

const POOL: Pool = {
  host: 'gpubox',
  provider: 'nvml',
  gpus: [0, 1, 2, 3].map((id) => ({
    id,
    uuid: `GPU-${id}`,
    name: 'H100',
    releasedAt: NOW - id,
    releasedBy: 7,
  })),
  reservations: [
    {
      id: 'a1b2c3d4e5f6',
      gpus: [0, 2],
      user: 'alice',
      account: alice,
      startedAt: NOW - 3_600_000,
      kind: 'run',
      process: process(4242),
      heartbeatAt: NOW - 5_000,
      timeLimit: { interruptAt: NOW + 3_600_000, killAt: NOW + 3_630_000 },
      command: 'python train.py --model llama',
      note: 'Nachtlauf',
    },
    {
      id: 'b1',
      gpus: [1],
      user: 'carol',
      account: alice,
      startedAt: NOW,
      kind: 'manual',
      expiresAt: NOW + 60_000,
    },
  ],
  queue: [
    {
      id: 'c1',
      user: 'bob',
      account: { uid: 1001, name: 'bob' },
      request: { kind: 'count', count: 4 },
      kind: 'run',
      process: process(4343),
      joinedAt: NOW - 60_000,
      heartbeatAt: NOW,
    },
    {
      id: 'd1',
      user: 'alice',
      account: alice,
      request: { kind: 'ids', ids: [1, 3] },
      kind: 'manual',
      process: process(4444),
      joinedAt: NOW - 50_000,
      heartbeatAt: NOW,
      waitUntil: NOW + 600_000,
      duration: 3_600_000,
      servableSince: NOW - 500,
      note: 'later',
    },
  ],
  settings: { allocation: 'lru' },
  writtenAt: { wall: NOW, steady: { epoch: `${BOOT}/4026531834`, ms: 86_400_000 } },
}

const SEALED = encodePool(POOL, POOL.writtenAt)

export const storedPool: Parser = {
  name: 'stored-pool',
  json: true,
  seeds: [
    JSON.stringify({ version: 1, ...POOL }),
    SEALED,
    JSON.stringify({ version: 1, ...POOL, reservations: [], queue: [] }),
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
      '"kind":',
    ],
    ...[
      '"run"',
      '"manual"',
      '"count"',
      '"ids"',
      '"pid":',
      '"expiresAt":',
      '"releasedAt":',
      '"__proto__":',
      '[0,1]',
    ],
  ],
  nesting: [
    ['[', ']'],
    ['{"gpus":', '}'],
  ],
  check(input) {
    const pool = answerOf(['store-corrupt', 'store-too-new'], () => decodePool(input))
    if (pool === null) return
    checkInvariants(pool)
    checkSameAgain(pool)
    for (const moment of MOMENTS) checkShown(pool, moment)
  },
}

const MOMENTS: readonly Moment[] = [
  POOL.writtenAt,
  { wall: 0, steady: { epoch: 'another boot', ms: 0 } },
  { wall: NOW + 1e9, steady: { epoch: POOL.writtenAt.steady.epoch, ms: 86_400_001 } },
]

function checkInvariants({ gpus, reservations, queue }: Pool): void {
  const held = reservations.flatMap((reservation) => reservation.gpus)
  hold(new Set(held).size === held.length, 'a GPU in two reservations')
  hold(
    held.every((gpu) => gpus[gpu] !== undefined),
    'a GPU that is not there is reserved',
  )
  hold(
    reservations.every((each) => each.gpus.length > 0 && isAscending(each.gpus)),
    'GPUs in disorder',
  )
  for (const { request } of queue) {
    const wanted = request.kind === 'ids' ? request.ids : [request.count - 1]
    hold(
      wanted.length > 0 && wanted.every((gpu) => gpu >= 0 && gpu < gpus.length),
      'a wish that cannot be met',
    )
    hold(new Set(wanted).size === wanted.length, 'a GPU wished for twice')
  }
  const all = [...reservations, ...queue]
  hold(new Set(all.map(({ id }) => id)).size === all.length, 'an id is there twice')
  for (const each of all) {
    if ('process' in each) hold(isWhole(each.process.pid) && each.process.pid > 0, `pid ${each.process.pid}`)
    if ('process' in each) hold(each.process.pid <= 2 ** 22, 'a pid that is another to the kernel')
  }
}

function checkSameAgain(pool: Pool): void {
  const again = decodePool(encodePool(pool, pool.writtenAt))
  hold(JSON.stringify(again) === JSON.stringify(pool), 'another pool when read again')
}

/** Everything that shows it, at this time. */
function checkShown(stored: Pool, moment: Moment): void {
  for (const liveness of ['alive', 'gone'] as const) {
    const { pool } = settle(followClock(stored, moment), moment, {
      alive: () => liveness,
      stopped: () => liveness === 'gone',
    })
    checkInvariants(pool)
    servableEntries(pool, { now: moment.wall, stopped: () => liveness === 'gone' })
    const view = { now: moment.wall, thresholdMb: 1024 }
    const gpus = statusOf(pool, unknownUsage(pool, 'not asked'), view.thresholdMb)
    for (const gpu of gpus) checkLine(statusLine(gpu, view, { color: false, terminal: false }))
    checkJson(printableJson(statusDocument({ pool, view, gpus })))
    const sight = { usage: unknownUsage(pool, 'not asked'), thresholdMb: 1024 }
    const reading = liveness === 'gone' ? {} : { reading: { sight, reserved: new Set<number>() } }
    const places = queuePlaces(pool, { now: moment.wall, stopped: () => liveness === 'gone', ...reading })
    checkJson(printableJson(queueDocument(places)))
    checkScreen(queue.text(places, { color: false, terminal: false }).stdout ?? '')
  }
}
