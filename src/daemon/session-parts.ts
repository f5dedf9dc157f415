import type { Administration } from '../app/administration.ts'
import type { CallerSettings } from '../app/remote/protocol.ts'
import type { UsageQuestion } from '../domain/ledger/usage-question.ts'
import type { ServedCommand, ServedResult } from '../domain/operation/served-command.ts'
import type { ProcessIdentity } from '../domain/pool/model.ts'
import type { Warn } from '../domain/warnings.ts'
import type { ClientConnection, Credentials } from '../ports/daemon-listener.ts'
import type { PoolService } from '../ports/pool-service.ts'
import type { Caller, Identity } from './caller.ts'
import type { Commands } from './commands.ts'
import type { ConnectionWatchesParts } from './connection-watches.ts'
import type { DecisionRates } from './decision-rates.ts'
import type { Task } from './fair-turns.ts'
import type { RecordRates } from './record-rates.ts'
import type { SlowTurns } from './slow-turns.ts'
import type { Waiters } from './waiters.ts'

/** Opens the pool for a command that the daemon performs, with the settings of its client. */
export type OpenServed = (settings: CallerSettings, warn: Warn) => PoolService

/** What the requests of one connection use. */
export interface SessionParts {
  readonly connection: ClientConnection
  /** The version of this program. */
  readonly version: string
  readonly waiters: Waiters
  readonly commands: Commands
  /** Who acts for the other end of a connection. */
  readonly identify: (peer: Credentials) => Promise<Identity>
  /** Whether this account may change the pool's rules. */
  readonly mayAdminister: (uid: number) => boolean
  readonly administrationFor: (caller: Caller) => Administration
  readonly serviceFor: (caller: Caller) => PoolService
  /** Performs a command line; null if only its client can. */
  readonly serveCommand: (command: ServedCommand, open: OpenServed) => Promise<ServedResult | null>
  /** Whether the process, if it is known, has exited. */
  readonly isGone: (process: ProcessIdentity | null) => boolean
  /** Answers as `PoolService.usage`, in JSON, in a process of its own. */
  readonly history: (question: UsageQuestion) => Promise<string>
  readonly historyTurns: SlowTurns
  readonly queueTurns: SlowTurns
  readonly recordRates: RecordRates
  readonly decisionRates: DecisionRates
  /** Whether a reservation with this id has existed before. */
  readonly hasEnded: (id: string) => Promise<boolean>
  /** Performs a task, which must not reject, when it is this account's turn. False if too many wait already. */
  readonly inTurn: (uid: number, task: Task) => boolean
  /** The same for a task that waits for nothing. It does not wait until the requests of this account are performed. */
  readonly soon: SessionParts['inTurn']
  /** The same for a task that begins with a pause, which takes no turn from others. One of an account at a time. */
  readonly paced: SessionParts['inTurn']
  readonly onChange: ConnectionWatchesParts['onChange']
  readonly failed: (error: unknown) => void
}
