import { Chance } from '../chance.ts'
import type { FleetKind } from '../scenario.ts'
import type { Machine } from '../system/machine.ts'
import type { Process } from '../system/process.ts'
import { anyUser } from '../system/requests.ts'
import type { BoardState } from './board-server.ts'
import { callAny, callHost } from './calling.ts'
import type { Fleet } from './fleet.ts'
import { look } from './viewing.ts'

type Handler = (machine: Machine, chance: Chance) => void

const DAY = 86_400_000
export const LONGEST_STALL = 60_000

const STATES: readonly BoardState[] = ['hung', 'down', 'refusing', 'read-only', 'lossy', 'lossy']

/** The handlers of everything that happens only between hosts. Every lasting fault ends after a time. */
export function fleetHandlers(fleet: Fleet): Readonly<Record<FleetKind, Handler>> {
  const { system, server } = fleet
  const { scheduler } = system
  const later = (ms: number, act: () => void) =>
    scheduler.after(ms, null, () => {
      if (!system.isFinalPhase) act()
    })
  const to =
    (kind: 'call' | 'serve', act: (process: Process, chance: Chance) => void): Handler =>
    (machine, chance) => {
      const possible = machine.liveProcesses().filter(({ purpose }) => purpose.kind === kind)
      if (possible.length === 0) return
      const victim = chance.pick(possible)
      system.log(() => `${victim.name}, which ${kind}s`)
      act(victim, chance)
    }
  const stop = (process: Process, chance: Chance) => {
    process.stop()
    later(chance.spread(100, 60_000), () => process.resume())
  }
  return {
    call: (machine, chance) => {
      const host = chance.pick(system.machines.filter((each) => each !== machine))
      const isRun = chance.is(0.6)
      const prepared = fleet.requests.prepared(host, chance, isRun ? 'run' : 'reserve')
      const { account, waits } = prepared
      const launch = { account, purpose: { kind: 'call' }, chance: new Chance(chance.next()) } as const
      const process = system.launch(machine, launch, async (caller) => {
        const end = await callHost(fleet, caller, host, { prepared, isRun, waits })
        system.log(() => `${caller.name} is told: ${JSON.stringify(end)}`)
      })
      // Many callers end while they connect and are granted their GPUs.
      if (process === null || chance.is(0.7)) return
      later(chance.spread(100, 4_000), () => (chance.is(0.7) ? process.die() : process.interrupt()))
    },
    callAny: (machine, chance) => {
      const isRun = chance.is(0.6)
      const prepared = fleet.requests.prepared(
        chance.pick(system.machines),
        chance,
        isRun ? 'run' : 'reserve',
      )
      const { account } = prepared
      const launch = { account, purpose: { kind: 'call' }, chance: new Chance(chance.next()) } as const
      system.launch(machine, launch, (caller) => callAny(fleet, caller, { prepared, isRun }))
    },
    look: (machine, chance) => startLooking(fleet, machine, chance, 1),
    watch: (machine, chance) => startLooking(fleet, machine, chance, chance.between(2, 30)),
    boardFault: (_, chance) => {
      const state = chance.pick(STATES)
      server.become(state)
      system.log(() => `the board is ${state}`)
      later(chance.spread(500, 120_000), () => server.become('working'))
    },
    boardLoss: (_, chance) => {
      if (chance.is(0.4)) {
        server.wipe()
        system.log(() => 'the board is wiped')
        return
      }
      server.save()
      later(chance.spread(1_000, 120_000), () => {
        server.failOver()
        system.log(() => 'the board has lost its last writes')
      })
    },
    boardClock: (_, chance) => {
      const by = (chance.is(0.6) ? -1 : 1) * chance.spread(100, DAY)
      server.setClock(by)
      system.log(() => `the clock of the board is set by ${by} ms`)
    },
    linkFault: (_, chance) => {
      const whole = fleet.open.filter(({ link }) => link.isWhole)
      if (whole.length === 0) return
      const { link, id } = chance.pick(whole)
      const what = chance.pick(['cut', 'deaf host', 'deaf caller', 'close', 'stall'])
      system.log(() => `the connection of ${id}: ${what}`)
      if (what === 'stall') return link.stall(chance.spread(1_000, LONGEST_STALL))
      if (what === 'close') return link.close()
      if (what === 'cut') link.cut('caller', 'host')
      else link.cut(what === 'deaf host' ? 'host' : 'caller')
      later(chance.spread(5_000, 180_000), () => link.reset())
    },
    killCaller: to('call', (process) => process.die()),
    interruptCaller: to('call', (process) => process.interrupt()),
    killServer: to('serve', (process) => process.die()),
    stopCaller: to('call', stop),
    stopServer: to('serve', stop),
  }
}

function startLooking(fleet: Fleet, machine: Machine, chance: Chance, times: number): void {
  const launch = { account: anyUser(chance), purpose: { kind: 'look' }, chance } as const
  fleet.system.launch(machine, launch, (process) => look(fleet, process, times))
}
