import { RedisClient } from 'bun'
import type { CanhazgpuError } from '../../domain/errors.ts'
import { decoded } from '../../domain/fleet/board-address.ts'
import { boardUnavailable } from '../../domain/fleet/fleet-errors.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { printable, shortened } from '../../domain/text/text.ts'
import { readSmallFile } from '../files/small-file.ts'
import type { BoardPlace } from './why-not.ts'

export interface ConnectionParts {
  readonly url: string
  /** The deadline of the connection and of each command. */
  readonly deadline: Millis
  /** For how long the board is not tried again after it did not answer. */
  readonly rest: Millis
  /** Steady time. */
  readonly clock: () => Millis
}

/** For finding out why there is no connection. */
const LOOKS_FOR_MS: Millis = 1_000
const MOST_CA_BYTES = 1024 * 1024

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

  /**
   * Throws `board-unavailable`. A command may be sent twice, if the server closed the connection since the last one: its
   * effect must be the same.
   */
  async send(command: string, words: readonly string[]): Promise<unknown> {
    if (this.#failed !== undefined && this.#parts.clock() < this.#failed.until) throw this.#failed.error
    const isUsed = this.#client !== undefined
    try {
      try {
        return await this.#sendOnce(command, words)
      } catch (error) {
        if (!isUsed || isRefusal(error) || isExplained(error)) throw error
        return await this.#sendOnce(command, words)
      }
    } catch (error) {
      if (isRefusal(error)) throw this.#unavailable(`it refuses the command: ${messageOf(error)}`)
      throw this.#rest(error)
    }
  }

  async #sendOnce(command: string, words: readonly string[]): Promise<unknown> {
    this.#client ??= this.#connected()
    const used = this.#client
    try {
      const client = await used
      return await inTime(this.#parts.deadline, client.send(command, [...words]))
    } catch (error) {
      // Others may already use a new connection.
      if (!isRefusal(error) && this.#client === used) this.#drop()
      throw error
    }
  }

  /**
   * The result of work that sends several commands. After the deadline it throws `board-unavailable`, and the command
   * under way fails.
   */
  async together<Result>(deadline: Millis, work: Promise<Result>): Promise<Result> {
    try {
      return await inTime(deadline, work)
    } catch (error) {
      if (!(error instanceof Late)) throw error
      this.#drop()
      throw this.#rest(error)
    }
  }

  async #connected(): Promise<RedisClient> {
    const { url, deadline } = this.#parts
    const place = this.#place(url)
    const client = new RedisClient(place.url, {
      // Ours is the first to end it, so that it can be told from the others.
      connectionTimeout: deadline + 1_000,
      autoReconnect: false,
      enableOfflineQueue: false,
      maxRetries: 0,
      ...(url.startsWith('rediss://') ? { tls: { rejectUnauthorized: true, ...caOf(place) } } : {}),
    })
    try {
      await inTime(deadline, client.connect())
      return client
    } catch (error) {
      client.close()
      if (error instanceof Late || isRefusal(error)) throw error
      const { whyNot } = await import('./why-not.ts')
      throw new NoConnection(await whyNot(place, Math.min(deadline, LOOKS_FOR_MS)))
    }
  }

  /** `rediss://…?ca=/path` names the certificate of the authority. */
  #place(url: string): BoardPlace {
    const path = new URL(url).searchParams.get('ca')
    const place = { url: url.replace(/\?.*$/, '') }
    if (path === null) return place
    const ca = readSmallFile(path, MOST_CA_BYTES)
    if (typeof ca === 'string') return { ...place, ca }
    const why = ca.kind === 'too-large' ? 'it is too long' : ca.reason
    throw new NoConnection(`${path}, which ?ca= names, cannot be read: ${why}`)
  }

  #rest(error: unknown): CanhazgpuError {
    const { clock, rest } = this.#parts
    const failure = this.#unavailable(isExplained(error) ? error.message : 'the connection was lost')
    this.#failed = { until: clock() + rest, error: failure }
    return failure
  }

  /** The URL may contain a password, so an error has only the name of the server. The server may repeat the password. */
  #unavailable(why: string): CanhazgpuError {
    const { host, password } = new URL(this.#parts.url)
    return boardUnavailable(host, password === '' ? why : why.replaceAll(decoded(password), '…'))
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
class NoConnection extends Error {}

const isExplained = (error: unknown): error is Error => error instanceof Late || error instanceof NoConnection

async function inTime<Answer>(deadline: Millis, answer: Promise<Answer>): Promise<Answer> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Late(`no answer within ${deadline} ms`)), deadline)
  try {
    return await Promise.race([answer, late.promise])
  } finally {
    clearTimeout(timer)
    // After the deadline it may still fail.
    answer.catch(() => {})
  }
}

/** The second: the server refuses what the URL asks for, such as its database. */
const REFUSALS: readonly unknown[] = ['ERR_REDIS_SERVER_ERROR', 'ERR_REDIS_INVALID_COMMAND']

const isRefusal = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && REFUSALS.includes(error.code)

/** The server may be anybody's. */
const messageOf = (error: unknown): string =>
  error instanceof Error ? shortened(printable(error.message.replace(/ script: .*/s, '')), 200) : ''

const caOf = ({ ca }: BoardPlace) => (ca === undefined ? {} : { ca })
