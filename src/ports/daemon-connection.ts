/** A connection to the daemon. Messages are texts without line breaks. Each direction keeps their order. */
export interface DaemonConnection {
  send(message: string): void
  /** The next message; null when the connection has closed, by either side. */
  receive(): Promise<string | null>
  close(): void
}

/**
 * Connects to the daemon at its socket. Throws `permission-denied` if this account may not, and `ConnectionFailed` if
 * nothing accepts the connection.
 */
export type Connect = () => Promise<DaemonConnection>

export class ConnectionFailed extends Error {}
