import type { Millis } from '../domain/pool/model.ts'
import { Paced } from './paced.ts'

/** An account can change the pool hundreds of times a second, and each notice is a message to each watching client. */
const NOTIFY_EVERY_MS: Millis = 50

/** Tells the watching sessions of changes: of the first one at once, and of those that follow it together. */
export class Watchers {
  readonly #watching = new Set<() => void>()
  readonly #notices = new Paced(NOTIFY_EVERY_MS, () => {
    for (const changed of this.#watching) changed()
  })

  /** Returns a function that ends it. */
  add(changed: () => void): () => void {
    // The same function may watch several times.
    const watching = () => changed()
    this.#watching.add(watching)
    return () => this.#watching.delete(watching)
  }

  get count(): number {
    return this.#watching.size
  }

  changed(): void {
    this.#notices.request()
  }
}
