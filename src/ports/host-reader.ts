import type { RemoteHost } from '../domain/fleet/host-name.ts'
import type { SnapshotPart } from '../domain/fleet/snapshot.ts'

/** Asks a host of the configuration for a part of its snapshot. */
export interface HostReader {
  /**
   * The JSON text that the host makes now, as `Board` has it: at most `MOST_SNAPSHOT_CHARACTERS`, and not checked. It
   * answers or throws `host-unreachable` within a deadline, and never asks a person for anything.
   */
  read(host: RemoteHost, part: SnapshotPart): Promise<string>
}
