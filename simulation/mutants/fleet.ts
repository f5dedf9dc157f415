import type { CallerSigns } from '../../src/domain/fleet/session.ts'
import type { Notice } from '../../src/ports/board.ts'
import type { Mutant } from './list.ts'
import { at } from './seams.ts'

const HOST_SIDE = 'src/domain/fleet/session.ts#HostSide'
const PUBLISHER = 'src/app/fleet/publisher.ts#Publisher'
const MEMORY_BOARD = 'src/adapters/memory/memory-board.ts#MemoryBoard'
const FORECAST_OF = 'src/domain/fleet/forecast.ts#forecastOf'

/** Defects in what several hosts show of each other, and run for each other. */
export const FLEET_MUTANTS: readonly Mutant[] = [
  {
    name: 'board-takes-older',
    defect: 'an older notice replaces a newer one',
    world: 'fleet',
    isRare: true,
    plants: [at('src/domain/fleet/snapshot.ts#isNotNewer', () => () => false)],
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
  {
    name: 'place-kept-for-the-dead',
    defect: 'a host keeps the place of a caller that is silent',
    world: 'fleet',
    isRare: true,
    plants: [
      at(
        HOST_SIDE,
        (HostSide) =>
          class extends HostSide {
            override step(signs: CallerSigns) {
              const step = super.step(signs)
              return step === 'give-up' ? 'serve' : step
            }
          },
      ),
    ],
  },
  {
    name: 'place-kept-after-the-connection',
    defect: 'a host keeps the place of a caller whose connection has ended',
    world: 'fleet',
    plants: [
      at(
        HOST_SIDE,
        (HostSide) =>
          class extends HostSide {
            override step(signs: CallerSigns) {
              const step = super.step(signs)
              return step === 'leave' ? 'serve' : step
            }
          },
      ),
    ],
  },
  {
    name: 'grant-kept-for-the-dead',
    defect: 'granted GPUs are kept although the caller has not agreed',
    world: 'fleet',
    plants: [at('src/app/fleet/agreed-grant.ts#agreedGrant', () => async (grant) => grant)],
  },
  {
    name: 'impatient',
    defect: 'after three seconds of silence the other end counts as gone',
    world: 'fleet',
    plants: [
      at(
        'src/domain/fleet/patience.ts#isSilent',
        () =>
          ({ now, heardAt }) =>
            now - heardAt > 3_000,
      ),
    ],
  },
  {
    name: 'gives-up-a-started-command',
    defect: 'a host gives up a command that has started, because its caller is silent',
    world: 'fleet',
    isRare: true,
    plants: [
      at(
        HOST_SIDE,
        (HostSide) =>
          class extends HostSide {
            override agreed() {
              return this.isGranted
            }
          },
      ),
    ],
  },
  {
    name: 'pings-stop',
    defect: 'a caller pings only once',
    world: 'fleet',
    plants: [at('src/domain/fleet/patience.ts#PING_MS', () => 3_600_000)],
  },
  {
    name: 'caller-leaves-what-has-started',
    defect: 'a caller gives up a command that it has told to start',
    world: 'fleet',
    plants: [
      at(
        'src/domain/fleet/patience.ts#endOfPatience',
        (endOfPatience) => (state) =>
          endOfPatience(state.stage.kind === 'started' ? { ...state, stage: { kind: 'waiting' } } : state),
      ),
    ],
  },
  {
    name: 'any-starts-twice',
    defect: 'after a connection is lost, `--host any` starts the command on another host too',
    world: 'fleet',
    plants: [
      at(
        'src/domain/fleet/call-end.ts#leavesNothing',
        (leavesNothing) => (end) => end.kind === 'lost' || leavesNothing(end),
      ),
    ],
  },
  {
    name: 'any-waits-for-the-last',
    defect: '`--host any` joins the queue of the host with the latest start',
    world: 'fleet',
    plants: [
      at(
        'src/domain/fleet/forecast.ts#firstToStart',
        (firstToStart) => (hosts) => firstToStart([...hosts].reverse().slice(0, 1)) ?? firstToStart(hosts),
      ),
    ],
  },
  {
    name: 'forecast-overtakes',
    defect: 'a forecast does not see those who wait',
    world: 'fleet',
    plants: [
      at(
        FORECAST_OF,
        (forecastOf) => (pool, intent, source) => forecastOf({ ...pool, queue: [] }, intent, source),
      ),
    ],
  },
  {
    name: 'forecast-sees-no-use',
    defect: 'a forecast counts a GPU as free that is in use without a reservation',
    world: 'fleet',
    plants: [
      at(
        FORECAST_OF,
        (forecastOf) => (pool, intent, source) =>
          forecastOf(pool, intent, {
            ...source,
            observation: {
              ...source.observation,
              askedThresholdMb: 1_000_000,
              probe: {
                ...source.observation.probe,
                readings: source.observation.probe.readings.map((reading) =>
                  reading.state.kind === 'measured'
                    ? { ...reading, state: { ...reading.state, memoryUsedMb: 0, processes: [] } }
                    : reading,
                ),
              },
            },
          }),
      ),
    ],
  },
]
