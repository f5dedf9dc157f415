import { RedisClient } from 'bun'
import type { CanhazgpuError } from '../../domain/errors.ts'
import { boardUnavailable } from '../../domain/fleet/fleet-errors.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { printable, shortened } from '../../domain/text/text.ts'

export interface ConnectionParts {
  readonly url: string
  /** The deadline of the connection and of each command. */
  readonly deadline: Millis
  /** For how long the board is not tried again after it did not answer. */
  readonly rest: Millis
  /** Steady time. */
  readonly clock: () => Millis
}

/**
 * A connection to Redis or Valkey that never blocks its caller. The runtime's client has no deadline for a command,
 * holds commands back while it is not connected, and its subscriptions end silently. So every command has a deadline
 * here, nothing is held back, a connection that missed a deadline is closed, and nothing subscribes.
 */
export class BoardConnection {
  readonly #parts: ConnectionParts
  #client: Promise<RedisClient> | undefined
  #failed: { readonly until: Millis; readonly error: CanhazgpuError } | undefined

  constructor(parts: ConnectionParts) {
    this.#parts = parts
  }

  /** Throws `board-unavailable`. */
  async send(command: string, words: readonly string[]): Promise<unknown> {
    if (this.#failed !== undefined && this.#parts.clock() < this.#failed.until) throw this.#failed.error
    this.#client ??= this.#connected()
    const used = this.#client
    try {
      const client = await used
      return await this.#inTime(client.send(command, [...words]))
    } catch (error) {
      if (isRefusal(error)) throw this.#unavailable(`it refuses the command: ${messageOf(error)}`)
      // Others may already use a new connection.
      if (this.#client === used) this.#drop()
      throw this.#rest(error)
    }
  }

  async #connected(): Promise<RedisClient> {
    const { url, deadline } = this.#parts
    const client = new RedisClient(withoutQuery(url), {
      connectionTimeout: deadline,
      autoReconnect: false,
      enableOfflineQueue: false,
      maxRetries: 0,
      ...tlsOf(url),
    })
    try {
      await this.#inTime(client.connect())
      return client
    } catch (error) {
      client.close()
      throw error
    }
  }

  async #inTime<Answer>(answer: Promise<Answer>): Promise<Answer> {
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => late.reject(new Late()), this.#parts.deadline)
    try {
      return await Promise.race([answer, late.promise])
    } finally {
      clearTimeout(timer)
      // After the deadline it may still fail.
      answer.catch(() => {})
    }
  }

  #rest(error: unknown): CanhazgpuError {
    const { clock, rest, deadline } = this.#parts
    const why =
      error instanceof Late ? `no answer within ${deadline} ms` : 'no connection, or a wrong password'
    const failure = this.#unavailable(why)
    this.#failed = { until: clock() + rest, error: failure }
    return failure
  }

  /** The URL may contain a password, so an error has only the name of the server. */
  #unavailable(why: string): CanhazgpuError {
    return boardUnavailable(new URL(this.#parts.url).host, why)
  }

  #drop(): void {
    const client = this.#client
    this.#client = undefined
    client?.then(
      (open) => open.close(),
      () => {},
    )
  }

  close(): void {
    this.#drop()
  }
}

class Late extends Error {}

const isRefusal = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_REDIS_SERVER_ERROR'

/** The server may be anybody's. */
const messageOf = (error: unknown): string =>
  error instanceof Error ? shortened(printable(error.message.replace(/ script: .*/s, '')), 200) : ''

const withoutQuery = (url: string): string => url.replace(/\?.*$/, '')

/** `rediss://…?ca=/path` names the certificate of the authority; by default those of the runtime count. */
function tlsOf(url: string) {
  if (!url.startsWith('rediss://')) return {}
  const ca = new URL(url).searchParams.get('ca')
  return { tls: { rejectUnauthorized: true, ...(ca === null ? {} : { ca: Bun.file(ca) }) } }
}
