/** A connection to the daemon. Messages are texts without line breaks. Each direction keeps their order. */
export interface DaemonConnection {
  /** False once it has closed, by either side. */
  readonly isOpen: boolean
  /** Sends the messages together. */
  send(...messages: readonly string[]): void
  /** The next message if it arrives soon. This process does nothing else until then. */
  receiveSoon(): string | undefined
  /** The next message; null when the connection has closed. */
  receive(): Promise<string | null>
  close(): void
}

/**
 * Connects to the daemon at its socket. Throws `permission-denied` if this account may not, and `ConnectionFailed` if
 * nothing accepts the connection.
 */
export type Connect = () => Promise<DaemonConnection>

export class ConnectionFailed extends Error {}
