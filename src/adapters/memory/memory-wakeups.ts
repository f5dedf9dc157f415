import type { Calls, Wakeups } from '../../ports/wakeups.ts'
import type { MemoryPlace } from './memory-place.ts'

export class MemoryWakeups implements Wakeups {
  readonly #place: MemoryPlace

  constructor(place: MemoryPlace) {
    this.#place = place
  }

  changes(signal: AbortSignal): AsyncIterable<void> {
    const bell = new Bell()
    const stop = this.#place.watch(() => bell.ring('change'))
    const end = () => {
      stop()
      bell.close()
    }
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
    return changesOf(bell)
  }

  calls(entry: string): Calls {
    const bell = new Bell()
    let isListening = false
    const stop = this.#place.watch(() => {
      const isTurn = this.#place.turns.includes(entry)
      if (isTurn || isListening) bell.ring(isTurn ? 'turn' : 'change')
      isListening = false
    })
    return {
      listen: () => {
        isListening = true
      },
      next: () => bell.next(),
      close: () => {
        stop()
        bell.close()
      },
    }
  }

  async turns(): Promise<readonly string[]> {
    return this.#place.turns
  }
}

async function* changesOf(bell: Bell): AsyncIterable<void> {
  while ((await bell.next()) !== 'closed') yield
}

/** Keeps the last event until it is read. A change does not replace a turn that was not read yet. */
class Bell {
  #unread: 'turn' | 'change' | null = null
  #isClosed = false
  #wake = () => {}

  ring(event: 'turn' | 'change'): void {
    if (this.#unread !== 'turn') this.#unread = event
    this.#wake()
  }

  close(): void {
    this.#isClosed = true
    this.#wake()
  }

  async next(): Promise<'turn' | 'change' | 'closed'> {
    if (this.#unread === null && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const event = this.#isClosed ? null : this.#unread
    this.#unread = null
    return event ?? 'closed'
  }
}
