import type { Mutant } from './list.ts'

const STARTABLE = 'src/domain/schedule/startable.ts'
const OPENINGS = 'src/domain/schedule/openings.ts'
const WAITING = 'src/app/waiting/wait-in-line.ts'

/** The line, and who gets out of it. */
export const ORDER_MUTANTS: readonly Mutant[] = [
  {
    name: 'newcomer-overtakes',
    defect: 'who stands nowhere in line goes before everyone',
    file: STARTABLE,
    edits: [
      [
        'if (isWaitedFor(entry, conditions)) openings.plan(demandOf(entry))',
        'if (isWaitedFor(entry, conditions) && pool.queue.some((each) => each.id === id)) openings.plan(demandOf(entry))',
      ],
    ],
  },
  {
    name: 'backfill-ignores-the-end',
    defect: 'GPUs kept for one who waits are lent for as long as anybody likes',
    file: OPENINGS,
    edits: [['this.#limit(place, start)', 'void start']],
  },
  {
    name: 'backfill-ignores-the-duration',
    defect: 'GPUs kept for one who waits are lent to anyone who names an end, however late',
    file: OPENINGS,
    edits: [['NEVER : this.#calendar.now + duration', 'NEVER : this.#calendar.now']],
  },
  {
    name: 'backfill-by-the-last-end',
    defect: 'who waits is believed to start when the last reservation ends',
    file: 'src/domain/schedule/calendar.ts',
    edits: [['this.#sortedFrees()[request.count - 1]', 'this.#sortedFrees().at(-1)']],
  },
  {
    name: 'passed-over-never',
    defect: 'a frozen waiter holds up the line for ever',
    file: STARTABLE,
    edits: [
      [
        'entry.startableSince !== undefined && now - entry.startableSince >= PASSED_OVER_AFTER_MS',
        'now < 0 && entry !== undefined',
      ],
    ],
  },
  {
    name: 'passed-over-for-ever',
    defect: 'who was passed over once is passed over ever after',
    file: 'src/domain/schedule/unresponsive.ts',
    edits: [
      ['entry.id === id && entry.startableSince !== undefined', 'entry.id === id && pool.units.length === 0'],
    ],
  },
  {
    name: 'passed-over-at-once',
    defect: 'a waiter is passed over as soon as it is noted',
    file: STARTABLE,
    edits: [['now - entry.startableSince >= PASSED_OVER_AFTER_MS', 'now - entry.startableSince >= 0']],
  },
  {
    name: 'passed-over-loses-its-place',
    defect: 'a frozen waiter is thrown out of the line',
    file: 'src/domain/operation/ending.ts',
    edits: [
      [
        '|| !isGone(entry, now, alive)',
        '|| !isGone(entry, now, alive) && !(entry.startableSince !== undefined && now - entry.startableSince > 10_000)',
      ],
    ],
  },
  {
    name: 'stopped-holds-up-the-queue',
    defect: 'a stopped waiter is waited for like any other',
    file: STARTABLE,
    edits: [
      [
        '!isPassedOver(entry, now) && !stopped(entry.process)',
        '!isPassedOver(entry, now) && now > 0 + Number(stopped === undefined)',
      ],
    ],
  },
  {
    name: 'stopped-keeps-its-gpus',
    defect: 'a stopped waiter that cannot be served now still keeps GPUs for itself',
    file: STARTABLE,
    edits: [
      [
        'if (isWaitedFor(entry, conditions)) openings.plan(demandOf(entry))',
        'if (isWaitedFor(entry, conditions) || !openings.fits(demandOf(entry))) openings.plan(demandOf(entry))',
      ],
    ],
  },
  {
    name: 'stopped-for-ever',
    defect: 'a waiter that was stopped once does not count when it continues',
    file: 'simulation/world/kernel.ts',
    edits: [
      [
        "if (process?.state !== 'stopped' || process.isFrozen) return false",
        'if (process?.wasStopped !== true || process.isFrozen) return false',
      ],
    ],
  },
  {
    name: 'stopped-unwatched',
    defect: 'nobody who waits sees that a waiter before it is stopped',
    file: WAITING,
    edits: [['if (!servable && this.#isServable(', 'if (now < 0 && this.#isServable(']],
  },
  {
    name: 'unusable-holds-up-the-queue',
    defect: 'a request that waits for GPUs nobody can use keeps the others for itself',
    file: OPENINGS,
    edits: [['if (!this.#calendar.canEverStart(demand)) return null', '']],
  },
  {
    name: 'given-back-is-unusable',
    defect: 'a GPU that still shows the memory of its last holder costs the first in the queue its turn',
    file: STARTABLE,
    edits: [['now - lastUse.endedAt < GIVING_BACK_MS', 'now - lastUse.endedAt < 0']],
  },
  {
    name: 'joins-in-front',
    defect: 'who comes last stands first',
    file: 'src/domain/operation/acquisition.ts',
    edits: [['queue: [...pool.queue, entry]', 'queue: [entry, ...pool.queue]']],
  },
  {
    name: 'extension-breaks-promises',
    defect: 'a reservation can be extended though others wait for its end',
    file: 'src/domain/operation/extend.ts',
    edits: [['return keepsPromises(', 'return pool === after || true || keepsPromises(']],
  },
  {
    name: 'vanishing-unwatched',
    defect: 'nobody who waits sees that a command was killed',
    file: WAITING,
    edits: [
      [
        "const isOver = (term: Term) => term.kind === 'run' &&",
        "const isOver = (term: Term) => term.kind === 'run' && now < 0 &&",
      ],
    ],
  },
  {
    name: 'stale-heartbeat-unwatched',
    defect: 'nobody who waits sees that a command in another container is long gone',
    file: WAITING,
    // The heartbeat of a waiter, which ends what is over, would find it soon.
    edits: [
      ['isGone(term, now, alive)', 'isGone(term, term.heartbeatAt, alive)'],
      ['HEARTBEAT_MS: Millis = 5 * 60_000', 'HEARTBEAT_MS: Millis = 14 * 60_000'],
    ],
  },
  {
    name: 'first-alone-watches',
    defect: 'behind a frozen waiter nobody sees that a command was killed',
    file: WAITING,
    edits: [
      ['clock() >= this.#standInAt(this.#goneSince, pool, now)', 'placeIn(pool, this.#intent.id) === 0'],
    ],
  },
  {
    name: 'call-hides-a-change',
    defect: 'a waiter that is called out of turn takes no notice of what changed',
    file: WAITING,
    edits: [["if (event === 'called' || event === 'changed') {", "if (event === 'changed') {"]],
  },
  {
    name: 'expiry-unwatched',
    defect: 'nobody who waits sees that a manual reservation expired',
    file: WAITING,
    edits: [['if (clock() >= this.#standInAt(expiry, pool, now) || ', 'if (']],
  },
  {
    name: 'squatter-unwatched',
    defect: 'the first in line never looks again whether a squatter has left',
    file: WAITING,
    edits: [['servable ? start + WATCH_EVERY_MS : ', 'servable ? Number.POSITIVE_INFINITY : ']],
  },
]
