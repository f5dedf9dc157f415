import { CanhazgpuError } from '../../src/domain/errors.ts'
import type { Moment, Pool } from '../../src/domain/pool/model.ts'
import type { PoolService } from '../../src/ports/pool-service.ts'
import type { Mutant } from './list.ts'
import { at } from './seams.ts'

const SUPERVISE = 'src/app/supervise.ts#supervise'
const END_OF = 'src/domain/operation/ending.ts#endOf'

/** Clocks, limits and ends. */
export const TIME_MUTANTS: readonly Mutant[] = [
  {
    name: 'expiry-off-by-one',
    defect: 'a manual reservation ends a millisecond early',
    isRare: true,
    plants: [
      at(
        END_OF,
        (endOf) => (held, now, alive) => endOf(held, held.term.kind === 'manual' ? now + 1 : now, alive),
      ),
    ],
  },
  {
    name: 'expiry-ignored',
    defect: 'a manual reservation never ends by itself',
    plants: [
      at(
        END_OF,
        (endOf) => (held, now, alive) => (held.term.kind === 'manual' ? null : endOf(held, now, alive)),
      ),
    ],
  },
  {
    name: 'clock-not-healed',
    defect: 'a clock jump ends reservations early or keeps ended ones',
    plants: [at('src/domain/pool/clock.ts#followClock', () => (pool) => pool)],
  },
  {
    name: 'clock-healed-forwards-only',
    defect: 'a clock that is set back is not noticed',
    plants: [
      at('src/domain/pool/clock.ts#followClock', (followClock) => (pool, moment) => {
        const jump = moment.wall - pool.writtenAt.wall - passed(pool, moment)
        return jump < 0 ? pool : followClock(pool, moment)
      }),
    ],
  },
  {
    name: 'reset-in-another-time',
    defect: 'a reset after the clock was set records wrong ends',
    plants: [
      at(
        'src/domain/operation/set-up.ts#setUp',
        (setUp) => (present, operation, context) =>
          setUp(present === null ? null : withoutJump(present, context.now), operation, context),
      ),
    ],
  },
  {
    name: 'read-in-the-time-of-another-clock',
    defect: 'a pool that is read after the clock was set has the times of the old clock',
    plants: [at('src/app/read-pool.ts#readPool', () => (store) => store.load())],
  },
  {
    name: 'reboot-ignored',
    defect: 'a process from before a reboot counts as running',
    plants: [at('src/domain/pool/clock.ts#isReboot', () => () => false)],
  },
  {
    name: 'other-boot-id-is-a-reboot',
    defect: 'a process that reads another boot id ends all runs on the same machine',
    plants: [
      at('src/domain/pool/clock.ts#isReboot', (isReboot) => (before, now) => {
        const ms = Math.min(now.steady.ms, before.steady.ms - 1)
        return isReboot(before, { ...now, steady: { ...now.steady, ms } })
      }),
    ],
  },
  {
    name: 'unread-boot-id-is-another',
    defect: 'a boot id that cannot be read counts as a different boot id',
    plants: [
      at(
        'src/domain/pool/clock.ts#isRead',
        () =>
          ({ steady }) =>
            !steady.epoch.split('/').includes(''),
      ),
    ],
  },
  {
    name: 'unseen-is-gone',
    defect: 'a process in another container counts as gone',
    plants: [
      at('src/domain/operation/ending.ts#settle', (settle) => (pool, moment, { alive, stopped }, report) => {
        const onlyVisible: typeof alive = (process) => (alive(process) === 'alive' ? 'alive' : 'gone')
        return settle(pool, moment, { alive: onlyVisible, stopped }, report)
      }),
    ],
  },
  {
    name: 'heartbeats-stop',
    defect: 'only the first heartbeat of a run counts',
    isRare: true,
    plants: [
      at(
        'src/domain/operation/heartbeat.ts#recordHeartbeat',
        (recordHeartbeat) => (pool, operation, context) => {
          const held = pool.reservations.find(({ id }) => id === operation.id)
          const done = recordHeartbeat(pool, operation, context)
          const hasBeaten = held?.term.kind === 'run' && held.term.heartbeatAt > held.startedAt
          return hasBeaten ? { ...done, pool } : done
        },
      ),
    ],
  },
  {
    name: 'time-limit-ignored',
    defect: 'no supervisor interrupts a command at its time limit',
    plants: [
      at(
        SUPERVISE,
        (supervise) =>
          ({ limit: _, ...supervision }) =>
            supervise(supervision),
      ),
    ],
  },
  {
    name: 'never-killed',
    defect: 'a command that ignores SIGINT at its time limit is never killed',
    plants: [
      at(SUPERVISE, (supervise) => ({ limit, ...supervision }) => {
        if (limit === undefined) return supervise(supervision)
        return supervise({ ...supervision, limit: { ...limit, killAt: Number.POSITIVE_INFINITY } })
      }),
    ],
  },
  {
    name: 'supervisor-gives-up',
    defect: 'a supervisor leaves at the first failure of the store',
    plants: [
      at(SUPERVISE, (supervise) => (supervision) => {
        const openPool: typeof supervision.openPool = async (patience) =>
          withoutPoolOnFailure(await supervision.openPool(patience))
        return supervise({ ...supervision, openPool })
      }),
    ],
  },
  {
    name: 'killed-without-grace',
    defect: 'the pool expects a command to end when it is interrupted',
    plants: [
      at('src/domain/operation/acquisition.ts#acquire', (acquire) => (pool, intent, conditions) => {
        const { term } = intent
        if (term.kind !== 'run' || term.timeout === undefined) return acquire(pool, intent, conditions)
        const timeout = { ...term.timeout, grace: 0 }
        return acquire(pool, { ...intent, term: { ...term, timeout } }, conditions)
      }),
    ],
  },
]

const passed = ({ writtenAt }: Pool, now: Moment): number => Math.max(0, now.steady.ms - writtenAt.steady.ms)

/** The pool as if the wall clock had not been set since it was written. */
const withoutJump = (pool: Pool, now: Moment): Pool => ({
  ...pool,
  writtenAt: { ...pool.writtenAt, wall: now.wall - passed(pool, now) },
})

/** Any failure of the store looks as if there were no pool. */
const withoutPoolOnFailure = (service: PoolService): PoolService => ({
  perform: (operation) => service.perform(operation).catch(noPool),
  view: (question) => service.view(question).catch(noPool),
  usage: (question) => service.usage(question),
  events: (signal) => service.events(signal),
  bounded: (patience) => withoutPoolOnFailure(service.bounded(patience)),
  close: () => service.close(),
})

function noPool(): never {
  throw new CanhazgpuError('pool-not-initialized', 'There is no pool')
}
