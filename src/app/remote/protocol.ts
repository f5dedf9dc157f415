import type { UsageQuestions } from '../../domain/ledger/usage-question.ts'
import type { Intent } from '../../domain/operation/intent.ts'
import type { PoolOperationName } from '../../domain/operation/operation.ts'
import type { Refusal } from '../../domain/operation/refusal.ts'
import type { ServedCommand } from '../../domain/operation/served-command.ts'
import type { Millis, Policy, Pool } from '../../domain/pool/model.ts'
import type { Warning } from '../../domain/warnings.ts'
import type { Views } from '../../ports/pool-service.ts'
import type { NamedChange, PoolCheck, WantedPool } from '../administration.ts'
import type { PoolCreated, StoredPlace } from '../set-up.ts'

/**
 * The protocol between a command and the daemon: lines of JSON over a Unix socket. A client sends its version first,
 * then requests. Each request has a number, and each answer has the number of its request. The daemon
 * takes the account and the process of the caller from the kernel, and ignores those in a request.
 */

/** A daemon accepts this version and the previous one. */
export const PROTOCOL_VERSION = 1
export const OLDEST_PROTOCOL_VERSION = 1

/** The longest request, in bytes. */
export const LONGEST_REQUEST = 64 * 1024

/** The first line of a client, and the daemon's answer to it. The answer proves that the daemon is not stopped. */
export interface Greeting {
  readonly n?: never
  readonly protocol: number
  /** The version of the daemon's program, in its answer. */
  readonly version?: string
}

export type Request =
  | {
      readonly ask: 'perform'
      readonly operation: Named<'op', PoolOperationName>
      readonly caller: CallerSettings
    }
  | { readonly ask: 'view'; readonly view: keyof Views; readonly caller: CallerSettings }
  /** Performs a whole command. The answer is a `ServedResult`; null if the client must perform it. */
  | { readonly ask: 'command'; readonly command: ServedCommand }
  | { readonly ask: 'usage'; readonly question: Named<'kind', keyof UsageQuestions> }
  /** Waits in the queue. The answers are `progress`, and at the end a grant or a refusal. */
  | {
      readonly ask: 'wait'
      readonly intent: Intent
      readonly waitFor?: Millis
      readonly caller: CallerSettings
    }
  /** Ends a `wait`, and the reservation if it was granted meanwhile. */
  | { readonly ask: 'leave'; readonly id: string }
  /** Confirms that the grant of a `wait` was received. An unconfirmed manual reservation is released. */
  | { readonly ask: 'keep'; readonly id: string }
  | { readonly ask: 'administer'; readonly action: AdministrationAction }
  /** Each change of the pool is answered by `changed`. */
  | { readonly ask: 'watch' }
  /** Ends the `watch` of this number. */
  | { readonly ask: 'unwatch'; readonly watch: number }

/** An object with this name and the fields that the name requires; the daemon checks them. */
type Named<Field extends string, Name extends string> = { readonly [Each in Field]: Name }

/** Other administration, such as `refresh`, is sent as an operation. */
export type AdministrationAction =
  | { readonly name: 'set-up'; readonly wanted: WantedPool }
  | { readonly name: 'check' }
  | { readonly name: 'settings' }
  | { readonly name: 'set-policy'; readonly change: NamedChange; readonly reason?: string }

export interface AdministrationAnswers {
  readonly 'set-up': PoolCreated | Refusal
  readonly check: PoolCheck
  readonly settings: { readonly pool: Pool; readonly place: StoredPlace }
  readonly 'set-policy': Policy | Refusal
}

/** The settings of the caller that decide what the daemon's readings mean for it. */
export interface CallerSettings {
  /** The memory threshold that it requests, MB; null: the pool's. */
  readonly threshold: number | null
  /** How long it waits for the driver. */
  readonly probeTimeout: Millis
}

export type Numbered<Body> = Body & { readonly n: number }

export type Answer =
  /** Precedes the answer. */
  | { readonly warning: Warning }
  /** A refusal is an answer too. */
  | { readonly answer: unknown }
  | { readonly error: SentError }
  | { readonly progress: unknown }
  | { readonly changed: true }

/** A `CanhazgpuError` in a message. */
export interface SentError {
  readonly code: string
  readonly message: string
  readonly hint?: string
  readonly reason?: unknown
}
