import { Hosts } from '../../src/app/fleet/hosts.ts'
import { hostUnreachable } from '../../src/domain/fleet/fleet-errors.ts'
import type { RemoteHost } from '../../src/domain/fleet/host-name.ts'
import { SNAPSHOT_PARTS, type SnapshotPart } from '../../src/domain/fleet/snapshot.ts'
import { ownPart, ownPartText, type Parts } from '../../src/views/fleet/own-part.ts'
import { readQueuePart, readStatusPart, readUsagePart } from '../../src/views/fleet/read-parts.ts'
import type { Machine } from '../system/machine.ts'
import type { Process } from '../system/process.ts'
import { poolOf } from '../system/programs.ts'
import { BoardClient } from './board-client.ts'
import type { ViewCheck } from './check/views.ts'
import type { Fleet } from './fleet.ts'
import { hostNameOf } from './publishing.ts'
import { stampOf } from './stamp.ts'

/** A host that is asked over SSH answers within this time, or counts as unreachable. */
const ASKED_FOR = 10_000

/** Shows all hosts several times, as `status --all --watch` and the dashboard do; or once, as `status --all`. */
export async function look(fleet: Fleet, process: Process, times: number): Promise<void> {
  const { chance } = process
  const part = chance.is(0.7) ? 'status' : chance.pick(SNAPSHOT_PARTS)
  const check = fleet.views.viewer(process, part)
  const others = fleet.system.machines.filter((each) => each !== process.machine && chance.is(0.15))
  const hosts = hostsFor(fleet, process, check, others)
  for (let left = times; left > 0 && !(left < times && fleet.system.isFinalPhase); left--) {
    const begun = process.machine.scheduler.now
    check.shown(await hosts.all(part), begun)
    if (left > 1) await process.sleep(chance.spread(500, 20_000))
  }
}

/** Without faults a view shows every host, and how it is now. */
export async function lookForAll(fleet: Fleet, process: Process, part: SnapshotPart): Promise<void> {
  const check = fleet.views.viewer(process, part)
  const begun = process.machine.scheduler.now
  const answer = await hostsFor(fleet, process, check).all(part)
  check.shown(answer, begun)
  check.complete(
    answer,
    fleet.system.machines.flatMap((machine) => {
      const isRepeated = fleet.isRepeated(machine)
      const isExpected = mustBeShown(fleet, machine) && (isRepeated || fleet.isPublished(machine))
      return isExpected ? [{ name: machine.name, isRepeated, changedAt: fleet.publishedChange(machine) }] : []
    }),
  )
}

/** A boot whose id cannot be read looks like the one before it, whose notice the board keeps for a minute. */
const UNTOLD_BOOT = 80_000

const mustBeShown = ({ system }: Fleet, machine: Machine): boolean =>
  machine.stored.pool !== null && !(system.hidesBootIds && machine.sinceBoot() < UNTOLD_BOOT)

function hostsFor(
  fleet: Fleet,
  process: Process,
  check: ViewCheck,
  remote: readonly Machine[] = [],
): Hosts<Parts> {
  const { machine } = process
  return new Hosts<Parts>({
    own: hostNameOf(machine),
    ownPart: (part) => ownPart(poolOf(process), part),
    read: {
      status: (text, age) => check.read(readStatusPart(text, age), stampOf(text)),
      queue: (text) => check.read(readQueuePart(text), stampOf(text)),
      usage: (text) => check.read(readUsagePart(text), stampOf(text)),
    },
    board: new BoardClient(fleet.server, process),
    remote: remote.map((each) => ({ name: hostNameOf(each) })),
    reader: { read: (host, part) => asked(fleet, process, host, part) },
    clock: () => process.moment().steady.ms,
  })
}

/** The answer of another host over SSH: a process there reads its pool. */
async function asked(
  fleet: Fleet,
  process: Process,
  { name }: RemoteHost,
  part: SnapshotPart,
): Promise<string> {
  const { scheduler } = process.machine
  const answer = Promise.withResolvers<string | null>()
  const timer = scheduler.after(ASKED_FOR, process, () => answer.resolve(null))
  fleet.ask(process, fleet.machineNamed(name), async (there) => {
    const text = await ownPartText(poolOf(there), part)
    return () => answer.resolve(text)
  })
  const text = await answer.promise
  timer.cancelled = true
  if (text === null) throw hostUnreachable({ name }, 'no answer')
  return text
}
