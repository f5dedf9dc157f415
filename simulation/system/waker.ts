import { interrupted } from '../../src/app/waiting/wait-errors.ts'
import type { Waker } from '../../src/app/waiting/waiting.ts'
import type { ScheduledEvent } from '../scheduler.ts'
import type { Process } from './process.ts'
import type { Watcher } from './stored-pool.ts'

type Woken = 'called' | 'changed' | 'timeout' | 'interrupted'

/** Wakes a waiter at its turn, at changes, at Ctrl-C and after a time, in place of `src/entries/waker.ts`. */
export class ProcessWaker implements Waker {
  readonly #process: Process
  readonly #watcher: Watcher
  #pending: 'nothing' | 'changed' | 'called' = 'nothing'
  #wake: ((by: Woken) => void) | undefined
  readonly #interruption = new AbortController()

  constructor(process: Process, entry: string) {
    this.#process = process
    this.#watcher = { process, entry, isListening: false, due: 'nothing', wake: (by) => this.#onWakeup(by) }
    process.machine.stored.watchers.add(this.#watcher)
    if (process.interrupted) this.#interrupt()
    process.onInterrupt.push(() => this.#interrupt())
  }

  listen(): void {
    this.#watcher.isListening = true
  }

  get interruption(): AbortSignal {
    return this.#interruption.signal
  }

  #interrupt(): void {
    this.#interruption.abort(interrupted())
    this.#wake?.('interrupted')
  }

  async wasInterrupted(): Promise<boolean> {
    await this.#process.sleep(1)
    return this.#process.interrupted
  }

  wait(ms: number): Promise<Woken> {
    if (this.interruption.aborted) return Promise.resolve('interrupted')
    if (this.#pending !== 'nothing') {
      const pending = this.#pending
      this.#pending = 'nothing'
      return Promise.resolve(pending)
    }
    return new Promise((resolve) => {
      let timer: ScheduledEvent | undefined
      this.#wake = (by) => {
        if (timer !== undefined) timer.cancelled = true
        this.#wake = undefined
        resolve(by)
      }
      timer = this.#process.machine.scheduler.after(Math.ceil(ms), this.#process, () =>
        this.#wake?.('timeout'),
      )
    })
  }

  close(): void {
    this.#process.machine.stored.watchers.delete(this.#watcher)
  }

  #onWakeup(by: 'change' | 'turn'): void {
    const event = by === 'turn' ? 'called' : 'changed'
    if (this.#wake !== undefined) this.#wake(event)
    else if (this.#pending !== 'called') this.#pending = event
  }
}
