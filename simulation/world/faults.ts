import type { Chance } from '../chance.ts'
import type { Kind } from '../scenario.ts'
import type { DriverKind } from './driver.ts'
import type { Machine } from './machine.ts'
import type { Process } from './process.ts'
import { NO_TROUBLE } from './stored-pool.ts'
import type { World } from './world.ts'

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
  | 'driverMood'
  | 'storeTrouble'

const isWaiter = ({ role, purpose }: Process) =>
  role === 'client' && purpose.kind === 'acquire' && purpose.waits

/** All faults. Each of them ends after a time. */
export function all(world: World): Readonly<Record<FaultKind & Kind, Fault>> {
  const { scheduler } = world
  const to = (
    which: (process: Process) => boolean,
    what: string,
    then: (process: Process, chance: Chance) => void,
  ): Fault => {
    return (machine, chance) => {
      const possible = machine.living().filter(which)
      if (possible.length === 0) return
      const victim = chance.pick(possible)
      world.say(() => `${what} ${victim.name}, a ${victim.role}`)
      then(victim, chance)
    }
  }
  const resumeLater = (process: Process, chance: Chance) => {
    scheduler.after(chance.spread(100, 120_000), null, () => {
      if (!world.isCalm) process.resume()
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
    interruptWaiter: to(isWaiter, 'SIGINT to', (process) => process.interrupt()),
    killWaiter: to(isWaiter, 'SIGKILL to', (process) => process.die()),
    stopWaiter: to(isWaiter, 'SIGSTOP to', stop),
    freezeWaiter: to(isWaiter, 'the freezer holds', freeze),
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
        const command = purpose.kind === 'supervise' ? world.checker.holderOf(purpose.reservation) : undefined
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
    freezeAny: to(() => true, 'the freezer holds', freeze),
    reboot: (machine, chance) => {
      if (!machine.isUp) return
      machine.goDown()
      scheduler.after(chance.spread(1_000, 300_000), null, () => {
        if (machine.isUp) return
        if (chance.is(0.3)) machine.setClock(jump(chance))
        machine.comeUp()
        world.say(() => `${machine.name} is up again`)
      })
    },
    setClock: (machine, chance) => {
      const by = jump(chance)
      world.say(() => `the clock of ${machine.name} jumps by ${by} ms`)
      machine.setClock(by)
    },
    squat: (machine, chance) => squat(world, machine, chance),
    breakGpu: (machine, chance) => {
      const device = chance.pick(machine.devices)
      device.state = chance.is(0.5) ? 'faulty' : 'absent'
      world.say(() => `${device.uuid} is ${device.state}`)
      scheduler.after(chance.spread(500, 120_000), null, () => {
        device.state = 'sound'
      })
    },
    driverMood: (machine, chance) => {
      const driver = chance.pick<DriverKind>(['slow', 'silent', 'failing', 'wrong'])
      setDriver(world, machine, driver)
      scheduler.after(chance.spread(500, 60_000), null, () => setDriver(world, machine, 'fine'))
    },
    storeTrouble: (machine, chance) => {
      const worst = chance.pick([0.05, 0.3, 1])
      machine.stored.trouble = {
        before: chance.is(0.7) ? worst : 0,
        after: chance.is(0.7) ? worst : 0,
        conflict: worst,
      }
      world.say(() => `the store of ${machine.name}: ${JSON.stringify(machine.stored.trouble)}`)
      scheduler.after(chance.spread(200, 60_000), null, () => {
        machine.stored.trouble = NO_TROUBLE
        machine.stored.troubledUntil = scheduler.now
      })
    },
  }
}

export function setDriver(world: World, machine: Machine, driver: DriverKind): void {
  machine.driver.kind = driver
  machine.driver.since = world.scheduler.now
  world.say(() => `the driver of ${machine.name} is ${driver}`)
}

/** Usually a jump that must be noticed. */
function jump(chance: Chance): number {
  const by = chance.is(0.1) ? chance.below(1_000) : chance.spread(1_000, 30 * 86_400_000)
  return chance.is(0.5) ? by : -by
}

function squat(world: World, machine: Machine, chance: Chance): void {
  const device = chance.pick(machine.devices)
  const uid = chance.is(0.2) ? undefined : 1000 + chance.below(4)
  const use = { pid: 99_000 + chance.below(1000), uid, memoryMb: chance.pick([10, 600, 1021, 1024, 40_000]) }
  device.uses.add(use)
  world.say(() => `${uid ?? 'someone'} uses ${use.memoryMb} MB of ${device.uuid}`)
  world.scheduler.after(chance.spread(500, 180_000), null, () => device.uses.delete(use))
}
