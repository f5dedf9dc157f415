import { unitsOf } from '../src/domain/pool/units.ts'
import { setDriver } from './world/faults.ts'
import type { Machine } from './world/machine.ts'
import { NO_TROUBLE } from './world/stored-pool.ts'
import { ROOT, type World } from './world/world.ts'

/** Repairs everything, and lets every holder release its GPUs soon. */
export function calmDown(world: World): void {
  world.isCalm = true
  world.say(() => '-- all is calm')
  for (const machine of world.machines) {
    machine.stored.trouble = NO_TROUBLE
    if (!machine.isUp) machine.comeUp()
    if (machine.driver.kind !== 'fine') setDriver(world, machine, 'fine')
    for (const device of machine.devices) {
      device.state = 'sound'
      for (const use of device.uses) if (use.pid >= 99_000) device.uses.delete(use)
    }
    const waiting = new Set(
      [...world.checker.truthOf(machine).waiting.values()].map(({ process }) => process),
    )
    for (const process of machine.living()) {
      if (!waiting.has(process)) process.resume()
      if (process.role !== 'command') continue
      world.scheduler.after(machine.chance.below(5_000), null, () => process.work?.kill())
    }
    for (const delay of [1_000, 12_000])
      world.scheduler.after(delay, null, () => releaseManual(world, machine))
  }
}

export function resumeAll(world: World): void {
  for (const machine of world.machines) for (const process of machine.living()) process.resume()
}

/** Waiters that live and are not stopped. */
export function starving(world: World): readonly string[] {
  return world.machines.flatMap((machine) =>
    [...world.checker.truthOf(machine).waiting.values()]
      .filter(({ process }) => process.state === 'running')
      .map(({ process, id }) => `${process.name}, waiter ${id},`),
  )
}

/** Processes that have not ended. */
export function busy(world: World): readonly string[] {
  return world.machines.flatMap((machine) => machine.living().map(({ name, role }) => `${role} ${name}`))
}

/** Reservations and queue entries that are left in the pools. */
export function leftOver(world: World): readonly string[] {
  return world.machines.flatMap(({ stored }) => [
    ...(stored.pool?.reservations.map(({ id }) => `reservation ${id}`) ?? []),
    ...(stored.pool?.queue.map(({ id }) => `queue entry ${id}`) ?? []),
  ])
}

function releaseManual(world: World, machine: Machine): void {
  const manual = machine.stored.pool?.reservations.filter((held) => held.term.kind === 'manual') ?? []
  const units = manual.flatMap(unitsOf)
  if (units.length > 0) world.release(machine, ROOT, units)
}
