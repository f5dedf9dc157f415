import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { isRefusal } from '../../../src/domain/operation/refusal.ts'
import type { Request } from '../../../src/domain/pool/model.ts'
import { knownEnd } from '../../../src/domain/schedule/term-times.ts'
import { ALICE, someUnits, theseUnits } from '../pool/builders.ts'
import { BOB, BOOKABLE, limit, MINUTE, NOW, ROOT, World } from './world.ts'

const GPUS = 4
const MOST_GPUS = 3

const anyUnit = fc.integer({ min: 0, max: GPUS - 1 })
const anyRequest: fc.Arbitrary<Request> = fc.oneof(
  fc.integer({ min: 1, max: 3 }).map(someUnits),
  fc.uniqueArray(anyUnit, { minLength: 1, maxLength: 2 }).map((numbers) => theseUnits(...numbers)),
)
const minutes = (min: number, max: number) => fc.integer({ min, max }).map((count) => count * MINUTE)
const anyOwner = fc.constantFrom(ALICE, BOB)

const anyAction = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('book' as const),
      as: anyOwner,
      request: anyRequest,
      from: minutes(0, 30),
      duration: minutes(1, 15),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('reserve' as const),
      as: anyOwner,
      request: anyRequest,
      duration: minutes(1, 30),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('run' as const),
      as: anyOwner,
      request: anyRequest,
      after: minutes(1, 30),
      waits: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('until-booked' as const), as: anyOwner, request: anyRequest }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('extend' as const), as: anyOwner, by: minutes(1, 20) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drain' as const), unit: anyUnit }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restore' as const), unit: anyUnit }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('release' as const), as: anyOwner }) },
)
type Action = typeof anyAction extends fc.Arbitrary<infer Value> ? Value : never

/** A world in which nobody uses a GPU without a reservation, and every run ends at its time limit. */
class Played extends World {
  /** The bookings that were accepted and not cancelled, by id. */
  readonly promised = new Map<
    string,
    { readonly from: number; readonly until: number; readonly size: number }
  >()
  #pids = 0

  play(action: Action): void {
    switch (action.do) {
      case 'book': {
        const answer = this.book(action.request, this.now + action.from, action)
        if (isRefusal(answer)) return
        const { from, until } = answer.term
        this.promised.set(answer.id, { from, until, size: answer.holdings.length })
        return
      }
      case 'reserve':
        this.reserve(action.request, action.duration, action)
        return
      case 'run':
        this.run(action.request, {
          ...action,
          pid: this.#pid(),
          timeout: { after: action.after, grace: 1_000 },
        })
        return
      case 'until-booked':
        this.run(action.request, { ...action, pid: this.#pid(), untilBooked: { grace: 1_000 } })
        return
      case 'extend':
        this.perform({ op: 'extend', by: action.by }, action)
        return
      case 'cancel': {
        const ids = [...this.promised.keys()]
        const id = ids[action.which % Math.max(1, ids.length)]
        if (id === undefined || isRefusal(this.perform({ op: 'cancel', id }, { as: ROOT }))) return
        this.promised.delete(id)
        return
      }
      case 'drain':
      case 'restore':
        this.perform({ op: action.do, units: [String(action.unit)] }, { as: ROOT })
        return
      case 'release': {
        const before = this.pool.reservations
        this.perform({ op: 'release' }, action)
        const left = new Set(this.pool.reservations.map(({ id }) => id))
        for (const { id } of before) if (!left.has(id)) this.promised.delete(id)
        return
      }
    }
  }

  #pid(): number {
    return 1_000 + ++this.#pids
  }

  /** A minute passes: the runs whose time is over end, the waiters that can start do, and a command sees the GPUs. */
  tick(): void {
    this.at(this.now + MINUTE)
    for (const held of this.pool.reservations) {
      if (held.term.kind === 'run' && knownEnd(held) <= NOW + this.now) this.gone.add(held.term.process.pid)
    }
    this.settle()
    for (const { id, owner, request, process, term } of this.pool.queue) {
      const timeout = { after: (term.duration ?? 0) - 1_000, grace: 1_000 }
      this.perform(
        {
          op: 'acquire',
          intent: { id, owner, request, term: { kind: 'run', process, command: 'train', timeout } },
          wait: { process },
        },
        { as: owner },
      )
    }
  }

  check(): void {
    for (const [id, { from, until, size }] of this.promised) {
      const planned = this.planned[id]
      const held = this.held[id]
      const now = NOW + this.now
      // Each booking begins at its time, on as many GPUs as promised, and ends at its end.
      if (now < from) expect({ id, planned: planned?.length }).toEqual({ id, planned: size })
      else if (now < until) expect({ id, held: held?.length }).toEqual({ id, held: size })
      else expect({ id, planned, held }).toMatchObject({ id })
    }
    for (const { account } of [ALICE, BOB]) {
      const own = this.pool.reservations.filter(({ owner }) => owner.account.uid === account.uid)
      expect(own.flatMap(({ holdings }) => holdings).length).toBeLessThanOrEqual(MOST_GPUS)
    }
  }
}

test('every booking that was accepted begins at its time, and no limit is exceeded, whatever else is granted', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(anyAction, { maxLength: 3 }), { minLength: 10, maxLength: 50 }),
      (rounds) => {
        const limits = [limit('max-gpus', MOST_GPUS), ...(BOOKABLE.limits ?? [])]
        const world = new Played(GPUS, { policy: { ...BOOKABLE, limits } })
        for (const round of rounds) {
          for (const action of round) {
            world.play(action)
            world.settle()
            world.check()
          }
          world.tick()
          world.check()
        }
        const records = new Set(world.records.map(({ reservation, unit }) => `${reservation} ${unit}`))
        expect(records.size).toBe(world.records.length)
      },
    ),
    { numRuns: 400 },
  )
}, 60_000)
