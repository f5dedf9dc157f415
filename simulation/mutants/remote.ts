import type { CallerSigns } from '../../src/domain/fleet/session.ts'
import type { PoolService } from '../../src/ports/pool-service.ts'
import type { Mutant } from './list.ts'
import { at } from './seams.ts'

const HOST_SIDE = 'src/domain/fleet/session.ts#HostSide'
const FORECAST_OF = 'src/domain/fleet/forecast.ts#forecastOf'

/** Defects in commands on other hosts. */
export const REMOTE_MUTANTS: readonly Mutant[] = [
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
    name: 'gives-up-late',
    defect: 'a host waits for a silent caller for five seconds more',
    world: 'fleet',
    isRare: true,
    plants: [
      at(
        'src/domain/fleet/patience.ts#isSilent',
        (isSilent) => (signs) => isSilent({ ...signs, heardAt: signs.heardAt + 5_000 }),
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
    name: 'interrupt-waits-for-probe',
    defect: 'an interrupted waiter stays in the queue until its probe has ended',
    world: 'fleet',
    isRare: true,
    plants: [
      at(
        'src/app/waiting/wait-in-queue.ts#acquireInQueue',
        (acquireInQueue) => (service, intent, waiting) =>
          acquireInQueue(patientWithDriver(service), intent, waiting),
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
    name: 'agreed-grant-returned',
    defect: 'granted GPUs are returned although the caller has agreed',
    world: 'fleet',
    plants: [
      at(
        'src/app/fleet/agreed-grant.ts#agreedGrant',
        (agreedGrant) => (grant, agrees, pool) => agreedGrant(grant, async () => !(await agrees()), pool),
      ),
    ],
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

const patientWithDriver = (service: PoolService): PoolService => ({
  perform: (operation) => service.perform(operation),
  view: (question) => service.view(question),
  usage: (question) => service.usage(question),
  events: (signal) => service.events(signal),
  bounded: ({ left, error }) => service.bounded({ left, error }),
  close: () => service.close(),
})
