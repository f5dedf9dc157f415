/**
 * The modules in which a function or class can be replaced by a defect. A replacement must have the exported type, so
 * `tsc` reports a seam that changed.
 */
interface Modules {
  'simulation/system/kernel.ts': typeof import('../system/kernel.ts')
  'src/adapters/memory/memory-board.ts': typeof import('../../src/adapters/memory/memory-board.ts')
  'src/app/fleet/agreed-grant.ts': typeof import('../../src/app/fleet/agreed-grant.ts')
  'src/app/fleet/hosts.ts': typeof import('../../src/app/fleet/hosts.ts')
  'src/app/fleet/publisher.ts': typeof import('../../src/app/fleet/publisher.ts')
  'src/app/fleet/short-publisher.ts': typeof import('../../src/app/fleet/short-publisher.ts')
  'src/app/local-pool.ts': typeof import('../../src/app/local-pool.ts')
  'src/app/read-pool.ts': typeof import('../../src/app/read-pool.ts')
  'src/app/supervise.ts': typeof import('../../src/app/supervise.ts')
  'src/app/usage/usage-history.ts': typeof import('../../src/app/usage/usage-history.ts')
  'src/app/waiting/queue-watch.ts': typeof import('../../src/app/waiting/queue-watch.ts')
  'src/app/waiting/wait-in-queue.ts': typeof import('../../src/app/waiting/wait-in-queue.ts')
  'src/domain/fleet/board-clock.ts': typeof import('../../src/domain/fleet/board-clock.ts')
  'src/domain/fleet/call-end.ts': typeof import('../../src/domain/fleet/call-end.ts')
  'src/domain/fleet/forecast.ts': typeof import('../../src/domain/fleet/forecast.ts')
  'src/domain/fleet/patience.ts': typeof import('../../src/domain/fleet/patience.ts')
  'src/domain/fleet/session.ts': typeof import('../../src/domain/fleet/session.ts')
  'src/domain/fleet/snapshot.ts': typeof import('../../src/domain/fleet/snapshot.ts')
  'src/domain/ledger/report.ts': typeof import('../../src/domain/ledger/report.ts')
  'src/domain/observation/allocation.ts': typeof import('../../src/domain/observation/allocation.ts')
  'src/domain/observation/evidence.ts': typeof import('../../src/domain/observation/evidence.ts')
  'src/domain/observation/readings.ts': typeof import('../../src/domain/observation/readings.ts')
  'src/domain/observation/visible-devices.ts': typeof import('../../src/domain/observation/visible-devices.ts')
  'src/domain/operation/acquisition.ts': typeof import('../../src/domain/operation/acquisition.ts')
  'src/domain/operation/authorisation.ts': typeof import('../../src/domain/operation/authorisation.ts')
  'src/domain/operation/book.ts': typeof import('../../src/domain/operation/book.ts')
  'src/domain/operation/booked.ts': typeof import('../../src/domain/operation/booked.ts')
  'src/domain/operation/drain.ts': typeof import('../../src/domain/operation/drain.ts')
  'src/domain/operation/ending.ts': typeof import('../../src/domain/operation/ending.ts')
  'src/domain/operation/extend.ts': typeof import('../../src/domain/operation/extend.ts')
  'src/domain/operation/heartbeat.ts': typeof import('../../src/domain/operation/heartbeat.ts')
  'src/domain/operation/limited-request.ts': typeof import('../../src/domain/operation/limited-request.ts')
  'src/domain/operation/release.ts': typeof import('../../src/domain/operation/release.ts')
  'src/domain/operation/set-up.ts': typeof import('../../src/domain/operation/set-up.ts')
  'src/domain/pool/clock.ts': typeof import('../../src/domain/pool/clock.ts')
  'src/domain/pool/rights.ts': typeof import('../../src/domain/pool/rights.ts')
  'src/domain/pool/suitable.ts': typeof import('../../src/domain/pool/suitable.ts')
  'src/domain/schedule/arrangement.ts': typeof import('../../src/domain/schedule/arrangement.ts')
  'src/domain/schedule/calendar.ts': typeof import('../../src/domain/schedule/calendar.ts')
  'src/domain/schedule/conditions.ts': typeof import('../../src/domain/schedule/conditions.ts')
  'src/domain/schedule/expected-starts.ts': typeof import('../../src/domain/schedule/expected-starts.ts')
  'src/domain/schedule/openings.ts': typeof import('../../src/domain/schedule/openings.ts')
  'src/domain/schedule/promises.ts': typeof import('../../src/domain/schedule/promises.ts')
  'src/domain/schedule/startable.ts': typeof import('../../src/domain/schedule/startable.ts')
  'src/domain/schedule/unresponsive.ts': typeof import('../../src/domain/schedule/unresponsive.ts')
}

/** A module of the program, or of its simulated machine, and the name of an export: `src/app/read-pool.ts#readPool`. */
export type Seam = {
  [File in keyof Modules]: `${File}#${keyof Modules[File] & string}`
}[keyof Modules]

type Exported<Name extends Seam> = Name extends `${infer File extends keyof Modules}#${infer Export}`
  ? Export extends keyof Modules[File]
    ? Modules[File][Export]
    : never
  : never

/** `replace` is a method, so that replacements of all types fit into one list. */
export interface Plant {
  readonly seam: string
  replace(original: unknown): unknown
}

/** Plants a replacement at a seam. `replace` is called once, when the module of the seam is loaded. */
export function at<Name extends Seam>(
  seam: Name,
  replace: (original: Exported<Name>) => Exported<Name>,
): Plant {
  return { seam, replace }
}
