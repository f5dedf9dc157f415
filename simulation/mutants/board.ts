import type { Notice } from '../../src/ports/board.ts'
import type { Mutant } from './list.ts'
import { at } from './seams.ts'

const PUBLISHER = 'src/app/fleet/publisher.ts#Publisher'
const PUBLISH_SHORTLY = 'src/app/fleet/short-publisher.ts#publishShortly'
const BOARD_CLOCK = 'src/domain/fleet/board-clock.ts'
const MEMORY_BOARD = 'src/adapters/memory/memory-board.ts#MemoryBoard'

/** Defects in what several hosts show of each other. */
export const BOARD_MUTANTS: readonly Mutant[] = [
  {
    name: 'board-takes-older',
    defect: 'an older notice replaces a newer one',
    world: 'fleet',
    isRare: true,
    plants: [
      at(
        'src/domain/fleet/snapshot.ts#isNotNewer',
        () => (revision, than) =>
          revision.readAt === than.readAt && revision.committedAt === than.committedAt,
      ),
    ],
  },
  {
    name: 'later-reading-refused',
    defect: 'a later reading of the same commit does not replace an earlier one',
    world: 'fleet',
    plants: [
      at(
        'src/domain/fleet/snapshot.ts#isNotNewer',
        () => (revision, than) => revision.epoch === than.epoch && revision.committedAt <= than.committedAt,
      ),
    ],
  },
  {
    name: 'repeated-notice-is-a-sign',
    defect: 'a notice that the network repeats counts as a new sign of life',
    world: 'fleet',
    isRare: true,
    plants: [
      at(
        'src/domain/fleet/snapshot.ts#isNotNewer',
        (isNotNewer) => (revision, than) => revision.readAt !== than.readAt && isNotNewer(revision, than),
      ),
    ],
  },
  {
    name: 'age-by-the-clock-of-the-writer',
    defect: 'the age of a notice is computed from the clock of the host that wrote it',
    world: 'fleet',
    plants: [
      at(
        MEMORY_BOARD,
        (MemoryBoard) =>
          class extends MemoryBoard {
            readonly #written = new Map<string, number>()
            override post(notice: Notice) {
              this.#written.set(notice.host, notice.revision.readAt)
              return super.post(notice)
            }
            override async read(...asked: Parameters<InstanceType<typeof MemoryBoard>['read']>) {
              const posted = await super.read(...asked)
              const newest = Math.max(...this.#written.values())
              return posted.map((each) => ({ ...each, age: newest - (this.#written.get(each.host) ?? 0) }))
            }
          },
      ),
    ],
  },
  {
    name: 'clock-of-the-board-believed',
    defect: 'the age of a notice is a difference of what the clock of the board shows',
    world: 'fleet',
    plants: [
      at(`${BOARD_CLOCK}#timeOfNotice`, () => (_, shown) => ({ shown, counted: shown })),
      at(`${BOARD_CLOCK}#countedNow`, () => (_, shown) => shown),
    ],
  },
  {
    name: 'readers-believe-the-clock',
    defect: 'after the clock of the board was set back, a reader counts back from the last notice',
    world: 'fleet',
    plants: [
      at(
        `${BOARD_CLOCK}#countedNow`,
        () => (last, shown) => (last === undefined ? shown : last.counted + shown - last.shown),
      ),
    ],
  },
  {
    name: 'turn-kept-while-reading',
    defect: 'a commit starts no process that publishes while another one reads the pool',
    world: 'fleet',
    isRare: true,
    plants: [
      at(
        PUBLISH_SHORTLY,
        (publishShortly) => (publisher) =>
          publishShortly({ ...publisher, turn: { ...publisher.turn, give: () => {} } }),
      ),
    ],
  },
  {
    name: 'no-signs-of-life',
    defect: 'without a daemon, a host with runs publishes nothing between the heartbeats',
    world: 'fleet',
    plants: [
      at(
        'src/app/supervise.ts#supervise',
        (supervise) =>
          ({ signOfLife: _, ...supervision }) =>
            supervise(supervision),
      ),
    ],
  },
  {
    name: 'age-when-read',
    defect: 'what was read before is shown with the age that it had then',
    world: 'fleet',
    plants: [
      at(
        'src/app/fleet/hosts.ts#Hosts',
        (Hosts) =>
          class extends Hosts<never> {
            constructor(parts: ConstructorParameters<typeof Hosts<never>>[0]) {
              super({ ...parts, clock: () => 0 })
            }
          } as typeof Hosts,
      ),
    ],
  },
  {
    name: 'publisher-stops',
    defect: 'after a failure of the board a host publishes no longer',
    world: 'fleet',
    plants: [
      at(
        PUBLISHER,
        (Publisher) =>
          class extends Publisher {
            constructor(parts: ConstructorParameters<typeof Publisher>[0]) {
              let hasFailed = false
              super({
                ...parts,
                onFailure: (failure) => {
                  hasFailed = true
                  parts.onFailure(failure)
                },
                pause: (ms, signal) => (hasFailed ? new Promise(() => {}) : parts.pause(ms, signal)),
              })
            }
          },
      ),
    ],
  },
  {
    name: 'publishes-only-changes',
    defect: 'a host without a change does not publish again',
    world: 'fleet',
    plants: [
      at(
        PUBLISHER,
        (Publisher) =>
          class extends Publisher {
            constructor(parts: ConstructorParameters<typeof Publisher>[0]) {
              super({ ...parts, pause: (ms, signal) => parts.pause(ms > 1_000 ? 3_600_000 : ms, signal) })
            }
          },
      ),
    ],
  },
  {
    name: 'change-not-published',
    defect: 'a host publishes what it read at its start, again and again',
    world: 'fleet',
    plants: [
      at(
        PUBLISHER,
        (Publisher) =>
          class extends Publisher {
            constructor(parts: ConstructorParameters<typeof Publisher>[0]) {
              let first: Awaited<ReturnType<typeof parts.snapshot>> | undefined
              super({
                ...parts,
                snapshot: async (wanted) => {
                  first ??= await parts.snapshot(wanted)
                  return { ...first, revision: { ...first.revision, readAt: parts.clock() } }
                },
              })
            }
          },
      ),
    ],
  },
  {
    name: 'command-fails-with-the-board',
    defect: 'a command fails after its commit while the board does not answer',
    world: 'fleet',
    plants: [
      at(
        PUBLISHER,
        (Publisher) =>
          class extends Publisher {
            #failure: unknown = null
            constructor(parts: ConstructorParameters<typeof Publisher>[0]) {
              super({
                ...parts,
                onFailure: (failure) => {
                  this.#failure = failure
                  parts.onFailure(failure)
                },
              })
            }
            override changed() {
              if (this.#failure !== null) throw this.#failure
              super.changed()
            }
          },
      ),
    ],
  },
]
