import type { Peer } from '../access/listen.ts'
import { HttpError } from '../errors.ts'
import type { Sampler } from './sampler.ts'
import type { Snapshot } from './snapshot.ts'

/** The maximum number of event streams. Further pages poll. Half of the connections stay free for other requests. */
export const mostStreams = (connections: number): number => Math.min(1_100, Math.floor(connections / 2))

/**
 * `/api/events`: first the trend and a snapshot, then a snapshot after every change, and a ping after two seconds
 * without a change. A slow client misses snapshots, so the server never keeps more than one for it.
 */
export class EventStreams {
  readonly #sampler: Sampler
  readonly #most: number
  readonly #encoded = new WeakMap<Snapshot, Uint8Array>()
  readonly #closing = new AbortController()
  readonly #ended = Promise.withResolvers<void>()
  #open = 0
  /** The number of streams by the port of the peer: two machines may use the same port. */
  readonly #ports = new Map<number, number>()

  constructor(sampler: Sampler, most: number) {
    this.#most = most
    this.#sampler = sampler
  }

  get open(): number {
    return this.#open
  }

  /** Whether a stream has this port of the peer. */
  has(port: number): boolean {
    return this.#ports.has(port)
  }

  /** Opens a stream. Throws an `HttpError` if there are too many. */
  stream(request: Request, peer: Peer | null): Response {
    if (request.method === 'HEAD') return new Response(null, { headers: HEADERS })
    if (this.#open >= this.#most) {
      throw new HttpError('too-many-connections', `More than ${this.#most} pages are open`, {
        hint: 'poll /api/snapshot instead',
        headers: { 'retry-after': '30' },
      })
    }
    return new Response(this.#body(request.signal, peer?.port ?? 0), { headers: HEADERS })
  }

  /** Ends every stream; resolves when all have ended. */
  close(): Promise<void> {
    this.#closing.abort()
    if (this.#open === 0) this.#ended.resolve()
    return this.#ended.promise
  }

  #body(clientGone: AbortSignal, port: number): ReadableStream<Uint8Array> {
    const unwatch = this.#sampler.watch()
    this.#open++
    this.#ports.set(port, (this.#ports.get(port) ?? 0) + 1)
    let isOpen = true
    const end = () => {
      if (!isOpen) return
      isOpen = false
      this.#open--
      this.#removePort(port)
      unwatch()
      if (this.#open === 0 && this.#closing.signal.aborted) this.#ended.resolve()
    }
    clientGone.addEventListener('abort', end, { once: true })
    let sentVersion = -1
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => controller.enqueue(encoder.encode('retry: 2000\n\n')),
        pull: async (controller) => {
          if (sentVersion < 0) {
            const snapshot = await this.#sampler.current()
            sentVersion = this.#sampler.version
            controller.enqueue(eventBytes('trend', JSON.stringify(this.#sampler.trend.document())))
            controller.enqueue(this.#bytesOf(snapshot))
            return
          }
          const snapshot = await this.#sampler.next(sentVersion)
          if (this.#closing.signal.aborted) {
            controller.close()
            return end()
          }
          if (!isOpen) return
          sentVersion = this.#sampler.version
          controller.enqueue(snapshot === null ? PING : this.#bytesOf(snapshot))
        },
        cancel: end,
      },
      { highWaterMark: 0 },
    )
  }

  #removePort(port: number): void {
    const left = (this.#ports.get(port) ?? 1) - 1
    if (left === 0) this.#ports.delete(port)
    else this.#ports.set(port, left)
  }

  /** The event with this snapshot, encoded once for all streams. */
  #bytesOf(snapshot: Snapshot): Uint8Array {
    const known = this.#encoded.get(snapshot)
    if (known !== undefined) return known
    const bytes = eventBytes('snapshot', snapshot.json)
    this.#encoded.set(snapshot, bytes)
    return bytes
  }
}

const HEADERS = { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' }

const encoder = new TextEncoder()
const eventBytes = (event: string, data: string) => encoder.encode(`event: ${event}\ndata: ${data}\n\n`)
const PING = eventBytes('ping', '')
