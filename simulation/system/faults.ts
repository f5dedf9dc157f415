import type { Chance } from '../chance.ts'
import { interruptWaiter } from '../check/interrupts.ts'
import type { Kind } from '../scenario.ts'
import type { DriverKind } from './driver.ts'
import type { Machine } from './machine.ts'
import type { Process } from './process.ts'
import { NO_STORE_FAULTS } from './stored-pool.ts'
import type { System } from './system.ts'

type Fault = (machine: Machine, chance: Chance) => void
type FaultKind =
  | 'interruptWaiter'
  | 'killWaiter'
  | 'stopWaiter'
  | 'freezeWaiter'
  | 'killCommand'
  | 'killSupervisor'
  | 'killBoth'
  | 'killAny'
  | 'stopSupervisor'
  | 'stopAny'
  | 'freezeAny'
  | 'reboot'
  | 'setClock'
  | 'squat'
  | 'breakGpu'
  | 'driverFault'
  | 'storeFault'

const isWaiter = ({ role, purpose }: Process) =>
  role === 'client' && purpose.kind === 'acquire' && purpose.waits

/** The handlers of all faults. Every lasting fault ends after a time. */
export function faultHandlers(system: System): Readonly<Record<FaultKind & Kind, Fault>> {
  const { scheduler } = system
  const to = (
    which: (process: Process) => boolean,
    what: string,
    then: (process: Process, chance: Chance) => void,
  ): Fault => {
    return (machine, chance) => {
      const possible = machine.liveProcesses().filter(which)
      if (possible.length === 0) return
      const victim = chance.pick(possible)
      system.log(() => `${what} ${victim.name}, a ${victim.role}`)
      then(victim, chance)
    }
  }
  const resumeLater = (process: Process, chance: Chance) => {
    scheduler.after(chance.spread(100, 120_000), null, () => {
      if (!system.isFinalPhase) process.resume()
    })
  }
  const stop = (process: Process, chance: Chance) => {
    process.stop()
    resumeLater(process, chance)
  }
  const freeze = (process: Process, chance: Chance) => {
    process.freeze()
    resumeLater(process, chance)
  }
  return {
    interruptWaiter: to(isWaiter, 'SIGINT to', (process) => interruptWaiter(system, process)),
    killWaiter: to(isWaiter, 'SIGKILL to', (process) => process.die()),
    stopWaiter: to(isWaiter, 'SIGSTOP to', stop),
    freezeWaiter: to(isWaiter, 'freeze', freeze),
    killCommand: to(
      ({ role }) => role === 'command',
      'SIGKILL to',
      (process) => process.die(),
    ),
    killSupervisor: to(
      ({ role }) => role === 'supervisor',
      'SIGKILL to',
      (process) => process.die(),
    ),
    killBoth: to(
      ({ role }) => role === 'supervisor',
      'SIGKILL to command and',
      (process) => {
        const { purpose } = process
        const command =
          purpose.kind === 'supervise' ? system.checker.holderOf(purpose.reservation) : undefined
        process.die()
        command?.die()
      },
    ),
    killAny: to(
      () => true,
      'SIGKILL to',
      (process) => process.die(),
    ),
    stopSupervisor: to(({ role }) => role === 'supervisor', 'SIGSTOP to', stop),
    stopAny: to(() => true, 'SIGSTOP to', stop),
    freezeAny: to(() => true, 'freeze', freeze),
    reboot: (machine, chance) => {
      if (!machine.isUp) return
      machine.shutDown()
      scheduler.after(chance.spread(1_000, 300_000), null, () => {
        if (machine.isUp) return
        if (chance.is(0.3)) machine.setClock(jump(chance))
        machine.startUp()
        system.log(() => `${machine.name} has booted`)
      })
    },
    setClock: (machine, chance) => {
      const by = jump(chance)
      system.log(() => `the clock of ${machine.name} jumps by ${by} ms`)
      machine.setClock(by)
    },
    squat: (machine, chance) => squat(system, machine, chance),
    breakGpu: (machine, chance) => {
      const device = chance.pick(machine.devices)
      device.state = chance.is(0.5) ? 'faulty' : 'absent'
      system.log(() => `${device.uuid} is ${device.state}`)
      scheduler.after(chance.spread(500, 120_000), null, () => {
        device.state = 'sound'
      })
    },
    driverFault: (machine, chance) => {
      const driver = chance.pick<DriverKind>(['slow', 'silent', 'failing', 'wrong'])
      setDriver(system, machine, driver)
      scheduler.after(chance.spread(500, 60_000), null, () => setDriver(system, machine, 'working'))
    },
    storeFault: (machine, chance) => {
      const worst = chance.pick([0.05, 0.3, 1])
      machine.stored.faults = {
        before: chance.is(0.7) ? worst : 0,
        after: chance.is(0.7) ? worst : 0,
        conflict: worst,
      }
      system.log(() => `the store of ${machine.name}: ${JSON.stringify(machine.stored.faults)}`)
      scheduler.after(chance.spread(200, 60_000), null, () => {
        machine.stored.faults = NO_STORE_FAULTS
        machine.stored.faultyUntil = scheduler.now
      })
    },
  }
}

export function setDriver(system: System, machine: Machine, driver: DriverKind): void {
  machine.driver.kind = driver
  machine.driver.since = system.scheduler.now
  system.log(() => `the driver of ${machine.name} is ${driver}`)
}

/** A jump of the clock. Most jumps are large enough to be noticed. */
function jump(chance: Chance): number {
  const by = chance.is(0.1) ? chance.below(1_000) : chance.spread(1_000, 30 * 86_400_000)
  return chance.is(0.5) ? by : -by
}

function squat(system: System, machine: Machine, chance: Chance): void {
  const device = chance.pick(machine.devices)
  const uid = chance.is(0.2) ? undefined : 1000 + chance.below(4)
  const use = { pid: 99_000 + chance.below(1000), uid, memoryMb: chance.pick([10, 600, 1021, 1024, 40_000]) }
  device.uses.add(use)
  system.log(
    () => `${uid === undefined ? 'an unknown user' : `uid ${uid}`} uses ${use.memoryMb} MB of ${device.uuid}`,
  )
  system.scheduler.after(chance.spread(500, 180_000), null, () => device.uses.delete(use))
}
