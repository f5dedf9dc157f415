import { SNAPSHOT_PARTS } from '../../src/domain/fleet/snapshot.ts'
import { Chance } from '../chance.ts'
import { Violation } from '../check/violation.ts'
import { ROOT } from '../system/system.ts'
import type { Fleet } from './fleet.ts'
import { lookForAll } from './viewing.ts'

/**
 * After this time without faults the board is complete: 15 s until a daemon publishes again, and its own start. The usage
 * comes with the notice after that.
 */
export const COMPLETE_WITHIN = { status: 20_000, queue: 20_000, usage: 35_000 }

/** Ends all faults between hosts. Soon after that every host must see every other one. */
export function endFleetFaults(fleet: Fleet): void {
  const { system, server, open } = fleet
  server.become('working')
  for (const { link } of open) link.reset()
  for (const machine of system.machines) {
    for (const process of machine.liveProcesses()) if (process.role === 'daemon') process.resume()
    for (const part of SNAPSHOT_PARTS) {
      const chance = new Chance(fleet.chance.next())
      const launch = { account: ROOT, purpose: { kind: 'look' }, chance } as const
      system.scheduler.after(COMPLETE_WITHIN[part], null, () => {
        system.launch(machine, launch, (process) => lookForAll(fleet, process, part))
      })
    }
  }
}

/** At the end, when nothing is reserved and nobody waits, the board says so. */
export async function auditLastViews(fleet: Fleet): Promise<void> {
  const { server, system } = fleet
  for (const { host, text = '{}' } of await server.now('status')) {
    if (!fleet.isPublished(fleet.machineNamed(host))) continue
    const { gpus, waiting }: { gpus?: readonly { type?: string }[]; waiting?: number } = JSON.parse(text)
    if (waiting === 0 && gpus?.every(({ type }) => type === undefined) === true) continue
    system.violation ??= new Violation('board', `the board still shows ${host} as it was: ${text.trim()}`)
  }
}
