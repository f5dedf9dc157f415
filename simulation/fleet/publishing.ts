import { Publisher } from '../../src/app/fleet/publisher.ts'
import { type HostName, readHostName } from '../../src/domain/fleet/host-name.ts'
import { REPEATED_EVERY_MS, type SnapshotPart } from '../../src/domain/fleet/snapshot.ts'
import { snapshotOf } from '../../src/entries/snapshot.ts'
import type { Notice } from '../../src/ports/board.ts'
import type { PoolService } from '../../src/ports/pool-service.ts'
import type { ScheduledEvent } from '../scheduler.ts'
import type { Machine } from '../system/machine.ts'
import type { Process } from '../system/process.ts'
import { poolOf } from '../system/programs.ts'
import { BoardClient } from './board-client.ts'
import type { BoardServer } from './board-server.ts'
import type { Notices } from './check/notices.ts'
import { stamped } from './stamp.ts'

export function hostNameOf(machine: Machine): HostName {
  const name = readHostName(machine.name)
  if (name === undefined) throw new Error(`${machine.name} is no name of a host`)
  return name
}

/** The program that publishes a host until it is killed: the part of the daemon in `src/entries/daemon-publishing.ts`. */
export async function publish(process: Process, server: BoardServer, notices: Notices): Promise<void> {
  process.role = 'daemon'
  const { machine } = process
  const clock = () => process.moment().steady.ms
  const publisher = new Publisher({
    host: hostNameOf(machine),
    board: new BoardClient(server, process, notices),
    clock,
    snapshot: snapshotFor(process, notices, REPEATED_EVERY_MS),
    pause: (ms, signal) => pause(process, ms, signal),
    onFailure: (failure) => log(process, () => failure?.message ?? 'the board answers again'),
    onNamesake: () => log(process, () => 'another host has this name'),
  })
  machine.committed = () => publisher.changed()
  await publisher.run(new AbortController().signal)
}

/** Reads parts of the host of this process, and marks them. `repeated`: as of `snapshotOf`. */
export function snapshotFor(
  process: Process,
  notices: Notices,
  repeated?: number,
): (parts: readonly SnapshotPart[]) => Promise<Notice> {
  const { machine } = process
  const clock = () => process.moment().steady.ms
  const service = oneAtATime(poolOf(process))
  return async (parts) => {
    const begun = machine.scheduler.now
    const signs = repeated === undefined ? {} : { repeated }
    const { revision, parts: read } = await snapshotOf(service, { parts, clock, ...signs })
    const number = notices.made(machine, { epoch: revision.epoch, begun })
    const texts = Object.entries(read).map(([part, text]) => [part, stamped(text, number)])
    return { host: hostNameOf(machine), revision, parts: Object.fromEntries(texts) }
  }
}

function log({ machine, name }: Process, text: () => string): void {
  machine.trace.add(machine.scheduler.now, () => `${name} logs: ${text()}`)
}

function pause(process: Process, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const { scheduler, chance } = process.machine
    const done = () => {
      timer.cancelled = true
      signal.removeEventListener('abort', onAbort)
      resolve()
    }
    // The process of a command aborts it; this one goes on by itself, unless it was stopped or killed.
    const onAbort = () => void scheduler.after(chance.below(3), process, done)
    const timer: ScheduledEvent = scheduler.after(Math.ceil(ms), process, done)
    signal.addEventListener('abort', onAbort)
  })
}

type Service = Pick<PoolService, 'view' | 'usage'>

/** A daemon shares its probes. Here the questions wait for each other, so that the last probe is that of the answer. */
function oneAtATime(service: Service): Service {
  let last: Promise<unknown> = Promise.resolve()
  const after = <Answer>(ask: () => Promise<Answer>): Promise<Answer> => {
    const answer = last.then(ask)
    last = answer.catch(() => {})
    return answer
  }
  return {
    view: (question) => after(() => service.view(question)),
    usage: (question) => after(() => service.usage(question)),
  }
}
