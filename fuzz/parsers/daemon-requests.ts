import { decodePool, encodePool } from '../../src/adapters/store/document/codec.ts'
import { LONGEST_REQUEST } from '../../src/app/remote/protocol.ts'
import { type CheckedRequest, isAdministrative, protocolIn, requestIn } from '../../src/daemon/requests.ts'
import { apply } from '../../src/domain/operation/apply.ts'
import { verifiedIntent } from '../../src/domain/operation/authorisation.ts'
import type { Intent } from '../../src/domain/operation/intent.ts'
import type { Operation, PoolOperationName } from '../../src/domain/operation/operation.ts'
import type {
  Account,
  GpuReading,
  Limit,
  LimitKey,
  Moment,
  Owner,
  Pool,
  ProcessIdentity,
  Reservation,
  UnitId,
} from '../../src/domain/pool/model.ts'
import { gpuUnit, wholeUnits } from '../../src/domain/pool/units.ts'
import { printable } from '../../src/domain/text/text.ts'
import type { Parser } from '../parser.ts'
import { verify } from '../soundness.ts'

const NOW = 1_750_000_000_000
const BOOT = '1b4e28ba-2fa1-11d2-883f-0016d3cca427'
const MOMENT: Moment = { wall: NOW, steady: { epoch: `${BOOT}/4026531834`, ms: 86_400_000 } }
const processOf = (pid: number): ProcessIdentity => ({
  ...{ pid, startTime: pid * 100, bootId: BOOT, pidNamespace: '4026531836' },
})
/** The account that sends the requests. */
const ANN: Account = { uid: 1000, name: 'ann' }
const ROOT: Account = { uid: 0, name: 'root' }

interface Holding {
  readonly id: string
  readonly uid: number
  readonly unit: UnitId
}

const ownerOf = (uid: number): Owner => ({ account: { uid, name: `user${uid}` }, shownName: `user${uid}` })

const manual = ({ id, uid, unit }: Holding): Reservation => ({
  ...{ id, owner: ownerOf(uid), holdings: wholeUnits([unit]), startedAt: NOW },
  term: { kind: 'manual', expiresAt: NOW + 3_600_000 },
})

const limit = (key: LimitKey, value: number): Limit => ({
  ...{ key, value, scope: { kind: 'pool' }, by: ROOT, at: NOW },
})

const POOL: Pool = {
  ...{ host: 'gpubox', provider: 'fake', writtenAt: MOMENT },
  policy: {
    allocation: 'lru',
    limits: [limit('bookings', 1), limit('max-duration', 86_400_000), limit('default-duration', 3_600_000)],
  },
  units: [0, 1, 2, 3, 4].map((at) => ({
    id: gpuUnit(at),
    device: { uuid: `GPU-${at}`, name: 'H100' },
    shape: { kind: 'gpu' },
  })),
  reservations: [
    manual({ id: 'a1', uid: 1000, unit: '0' }),
    manual({ id: 'b1', uid: 1001, unit: '1' }),
    manual({ id: 'c1', uid: 1001, unit: '2' }),
  ],
  queue: [
    { id: 'd1', uid: 1001 },
    { id: 'e1', uid: 1000 },
  ].map(({ id, uid }) => ({
    ...{ id, owner: ownerOf(uid), request: { kind: 'count', count: 4 }, term: { kind: 'run' } },
    ...{ process: processOf(4000 + uid), joinedAt: NOW - 60_000, heartbeatAt: NOW },
  })),
  bookings: [
    { id: 'h1', uid: 1001, unit: '3' },
    { id: 'g1', uid: 1000, unit: '4' },
  ].map(({ id, uid, unit }) => ({
    ...{ id, owner: ownerOf(uid), request: { kind: 'count', count: 1 }, bookedAt: NOW - 60_000 },
    ...{ holdings: wholeUnits([unit]), term: { kind: 'booking', from: NOW + 60_000, until: NOW + 120_000 } },
  })),
}

const intent = {
  id: 'f00',
  request: { kind: 'count', count: 1 },
  owner: { account: { uid: 0, name: 'root' }, shownName: 'root' },
  note: 'Nachtlauf',
  term: { kind: 'manual', duration: 3_600_000 },
}
const run = {
  ...{ id: 'e1', request: { kind: 'ids', ids: ['3', '4'] }, owner: intent.owner },
  term: { kind: 'run', process: processOf(1), command: 'train.py', timeout: { after: 60_000, grace: 1_000 } },
}

const caller = { threshold: null, probeTimeout: 10_000 }
const perform = (operation: object) => JSON.stringify({ n: 1, ask: 'perform', operation, caller })

/** The lines of a client of the daemon. */
export const daemonRequests: Parser = {
  name: 'daemon-requests',
  json: true,
  seeds: [
    '{"protocol":1}',
    perform({ op: 'acquire', intent }),
    perform({ op: 'acquire', intent: run }),
    perform({
      op: 'acquire',
      intent: {
        ...intent,
        request: { kind: 'count', count: 1, gpuTypes: ['h100', 'a100'], leastMemoryMb: 38_146 },
      },
    }),
    perform({ op: 'claim', intent: { ...intent, id: 'a1' }, exact: true }),
    perform({ op: 'claim', intent: run, exact: false }),
    perform({ op: 'end', id: 'b1', outcome: 'released' }),
    perform({ op: 'release', units: ['0', '1'] }),
    perform({ op: 'release' }),
    perform({ op: 'extend', by: 3_600_000, units: ['0'] }),
    perform({ op: 'extend', by: 31_622_400_000_000 }),
    perform({
      op: 'book',
      intent: { ...intent, term: { kind: 'booking', from: NOW + 60_000, duration: 9_000 } },
    }),
    perform({ op: 'cancel', id: 'g1' }),
    perform({ op: 'cancel', id: 'h1' }),
    perform({ op: 'drain', units: ['0', '3'], reason: 'fan' }),
    perform({ op: 'restore', units: ['0'], reason: 'new fan' }),
    perform({ op: 'settle' }),
    JSON.stringify({ n: 2, ask: 'wait', intent, waitFor: 1_000, caller: { ...caller, threshold: 1024 } }),
    JSON.stringify({ n: 2, ask: 'wait', intent: run, caller }),
    JSON.stringify({ n: 3, ask: 'view', view: 'status', caller }),
    JSON.stringify({ n: 3, ask: 'usage', question: { kind: 'report', days: 30 } }),
    JSON.stringify({
      n: 3,
      ask: 'usage',
      question: { kind: 'history', range: { from: 0, to: NOW }, most: 9 },
    }),
    JSON.stringify({ n: 3, ask: 'view', view: 'policy', caller }),
    JSON.stringify({ n: 3, ask: 'usage', question: { kind: 'audit', most: 50 } }),
    JSON.stringify({ n: 4, ask: 'keep', id: 'a1' }),
    JSON.stringify({ n: 4, ask: 'leave', id: 'b1' }),
    JSON.stringify({ n: 4, ask: 'unwatch', watch: 3 }),
    JSON.stringify({ n: 4, ask: 'watch' }),
    JSON.stringify({
      ...{ n: 5, ask: 'administer' },
      action: {
        name: 'set-policy',
        change: { key: 'max-gpus', scope: { kind: 'account', name: 'ann' }, value: 2 },
        reason: 'exam week',
      },
    }),
    JSON.stringify({
      ...{ n: 5, ask: 'administer' },
      action: { name: 'set-up', wanted: { gpuCount: 8, force: true, policy: { allocation: 'lru' } } },
    }),
  ],
  words: [
    ...['{', '}', '[', ']', ':', ',', '"', 'null', '-0', '1', '1e999', '"n":', '"ask":', '"op":', '"id":'],
    ...['"perform"', '"wait"', '"claim"', '"a1"', '"b1"', '"d1"', '"h1"', '["3","3"]', '["0.0"]', '"count"'],
    ...['"heartbeat"', '"leave"', '"join"', '"timed-out"', '"__proto__":', '"userNamespace":'],
  ],
  nesting: [
    ['[', ']'],
    ['{"intent":', '}'],
  ],
  longest: LONGEST_REQUEST,
  check(input) {
    const protocol = protocolIn(input)
    verify(protocol === null || Number.isSafeInteger(protocol), `protocol ${protocol}`)
    const request = requestIn(input)
    if (request === null) return
    verify(Number.isSafeInteger(request.n) && request.n >= 0, `request number ${request.n}`)
    const operation = operationOf(request)
    if (operation === null) return
    for (const liveness of ['alive', 'gone'] as const) checkPerformed(operation, liveness)
  },
}

/** Null if the request does not change the pool, or only administrators may send it. */
function operationOf(request: CheckedRequest): Operation<PoolOperationName> | null {
  const verified = (sent: Intent) => {
    const found = verifiedIntent(sent, ANN, processOf(4242))
    verify(found !== null, 'a known process is refused')
    verifyOwner(found)
    verify(found.term.kind === 'manual' || found.term.process.pid === 4242, 'another process')
    return found
  }
  const verifyOwner = ({ owner, note = '' }: Pick<Intent, 'owner' | 'note'>) => {
    verify(owner.account.uid === ANN.uid && owner.account.userNamespace === undefined, 'another account')
    for (const text of [owner.shownName, note]) {
      verify(text === printable(text) && text.isWellFormed(), `unprintable: ${JSON.stringify(text)}`)
    }
  }
  if (request.ask === 'wait') {
    const { waitFor } = request
    const wait = { process: processOf(4242), ...(waitFor === undefined ? {} : { waitFor }) }
    return { op: 'acquire', intent: verified(request.intent), wait }
  }
  if (request.ask === 'leave') return { op: 'leave', id: request.id }
  if (request.ask !== 'perform') return null
  const { operation } = request
  if (isAdministrative(operation)) return null
  if (operation.op === 'book') {
    const booked = verifiedIntent(operation.intent, ANN, null)
    verifyOwner(booked)
    return { ...operation, intent: booked }
  }
  return 'intent' in operation ? { ...operation, intent: verified(operation.intent) } : operation
}

/** The account uses GPUs from `first` on without a reservation. */
const usedFrom = (first: number): readonly GpuReading[] =>
  POOL.units.map(({ device }, index) => {
    const isUsed = index >= first
    const process = { pid: 7, name: 'python', memoryMb: 9_000, uid: ANN.uid, user: ANN.name }
    return {
      ...{ index, ...device },
      state: { kind: 'measured', memoryUsedMb: isUsed ? 9_000 : 0, processes: isUsed ? [process] : [] },
    }
  })

/** The stored pool must be readable again after any number of requests. */
function checkPerformed(operation: Operation<PoolOperationName>, liveness: 'alive' | 'gone'): void {
  const processes = { alive: () => liveness, stopped: () => liveness === 'gone' }
  for (const readings of [usedFrom(5), usedFrom(3)]) {
    let pool = POOL
    for (let times = 0; times < TIMES; times++) {
      const observed = { probe: { provider: 'fake' as const, readings }, askedThresholdMb: null }
      const step = apply(pool, operation, { actor: ANN, now: MOMENT, processes, observed })
      if (step.pool === pool) break
      pool = decodePool(encodePool(step.pool, MOMENT))
      checkOthers(pool, liveness)
    }
  }
}

const TIMES = 400

/** The requests of one account end or change nothing of another. */
function checkOthers({ reservations, queue }: Pool, liveness: 'alive' | 'gone'): void {
  const left = new Map(reservations.map((held) => [held.id, JSON.stringify(held)]))
  for (const held of POOL.reservations.filter(({ owner }) => owner.account.uid !== ANN.uid)) {
    verify(left.get(held.id) === JSON.stringify(held), `the reservation ${held.id} has changed`)
  }
  verify(liveness === 'gone' || queue.some(({ id }) => id === 'd1'), 'the entry of another account has left')
  const owners = [...reservations, ...queue].map(({ owner }) => owner.account.uid)
  verify(!owners.includes(ROOT.uid), 'a reservation of root')
}
