import type { HostName } from '../domain/fleet/host-name.ts'
import type { Millis } from '../domain/pool/model.ts'

/**
 * The hosts that views have shown before: a board that lost its data cannot tell which hosts are missing. It is
 * advisory, and may forget at any time.
 */
export interface KnownHosts {
  /** The time since the last sign of each host. */
  load(): ReadonlyMap<HostName, Millis>
  /** Replaces all of them. */
  save(ages: ReadonlyMap<HostName, Millis>): void
}
