import { unitsOf } from '../src/domain/pool/units.ts'
import { endFleetFaults } from './fleet/final-views.ts'
import type { Actions } from './system/actions.ts'
import { setDriver } from './system/faults.ts'
import { NO_LIMITS } from './system/limits.ts'
import type { Machine } from './system/machine.ts'
import { NO_STORE_FAULTS } from './system/stored-pool.ts'
import { ROOT, type System } from './system/system.ts'

/** Ends all faults and limits, and lets every holder release its GPUs soon. */
export function beginFinalPhase(system: System, actions: Actions): void {
  system.isFinalPhase = true
  system.log(() => '-- faults end')
  if (actions.fleet !== null) endFleetFaults(actions.fleet)
  for (const machine of system.machines) {
    machine.stored.faults = NO_STORE_FAULTS
    if (!machine.isUp) machine.startUp()
    if (machine.driver.kind !== 'working') setDriver(system, machine, 'working')
    for (const device of machine.devices) {
      device.state = 'sound'
      for (const use of device.uses) if (use.pid >= 99_000) device.uses.delete(use)
    }
    const waiting = new Set(
      [...system.checker.truthOf(machine).waiting.values()].map(({ process }) => process),
    )
    for (const process of machine.liveProcesses()) {
      if (!waiting.has(process)) process.resume()
      if (process.role !== 'command') continue
      // Some runs last until the views have been checked.
      const longer = machine.signOfLife !== null && machine.chance.is(0.3) ? 25_000 : 0
      system.scheduler.after(longer + machine.chance.below(5_000), null, () => process.work?.kill())
    }
    for (const delay of [1_000, 12_000]) {
      system.scheduler.after(delay, null, () => {
        if ((machine.stored.pool?.policy.limits ?? []).length > 0) actions.setLimits(machine, NO_LIMITS)
        actions.bookings.cancelAll(machine)
        releaseManual(system, machine)
        restoreAll(system, machine)
      })
    }
  }
}

export function resumeAll(system: System): void {
  for (const machine of system.machines) for (const process of machine.liveProcesses()) process.resume()
}

/** The waiters that are alive and not stopped. */
export function waitersLeft(system: System): readonly string[] {
  return system.machines.flatMap((machine) =>
    [...system.checker.truthOf(machine).waiting.values()]
      .filter(({ process }) => process.state === 'running')
      .map(({ process, id }) => `${process.name}, waiter ${id},`),
  )
}

/** The processes that have not ended. */
export function processesLeft(system: System): readonly string[] {
  return system.machines.flatMap((machine) =>
    machine
      .liveProcesses()
      .filter(({ role }) => role !== 'daemon')
      .map(({ name, role }) => `${role} ${name}`),
  )
}

/** The reservations and queue entries that are left in the pools. */
export function entriesLeft(system: System): readonly string[] {
  return system.machines.flatMap(({ stored }) => [
    ...(stored.pool?.reservations.map(({ id }) => `reservation ${id}`) ?? []),
    ...(stored.pool?.bookings?.map(({ id }) => `booking ${id}`) ?? []),
    ...(stored.pool?.queue.map(({ id }) => `queue entry ${id}`) ?? []),
  ])
}

function restoreAll(system: System, machine: Machine): void {
  const drained = machine.stored.pool?.units.filter(({ drain }) => drain !== undefined) ?? []
  if (drained.length > 0)
    system.service(
      machine,
      'restore',
      drained.map(({ id }) => id),
    )
}

function releaseManual(system: System, machine: Machine): void {
  const manual = machine.stored.pool?.reservations.filter((held) => held.term.kind !== 'run') ?? []
  const units = manual.flatMap(unitsOf)
  if (units.length > 0) system.release(machine, ROOT, units)
}
