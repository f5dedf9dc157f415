import { DaemonPool } from '../../../src/app/remote/daemon-pool.ts'
import { waitAtDaemon } from '../../../src/app/remote/wait-at-daemon.ts'
import { interrupted } from '../../../src/app/waiting/wait-errors.ts'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import type { Grant, Intent, RequestedTerm } from '../../../src/domain/operation/intent.ts'
import { isRefusal, type Refusal } from '../../../src/domain/operation/refusal.ts'
import type { Millis, UnitId } from '../../../src/domain/pool/model.ts'
import { unitsOf } from '../../../src/domain/pool/units.ts'
import type { Connect } from '../../../src/ports/daemon-connection.ts'
import type { Process } from './machine.ts'

export type Command =
  | {
      readonly kind: 'run' | 'reserve'
      readonly count: number
      readonly wait: boolean
      readonly for?: Millis
      readonly untilBooked?: true
    }
  | { readonly kind: 'book'; readonly count: number; readonly from: Millis; readonly lasts: Millis }
  | { readonly kind: 'cancel'; readonly id: string }
  | { readonly kind: 'drain' | 'restore'; readonly unit: UnitId }
  | { readonly kind: 'limit'; readonly most: number | null }
  | { readonly kind: 'release' }
  | { readonly kind: 'status' }

type Acquire = Extract<Command, { readonly wait: boolean }>

export interface Held {
  readonly id: string
  readonly units: readonly UnitId[]
}

interface ClientParts {
  readonly process: Process
  readonly command: Command
  readonly connect: Connect
  readonly clock: () => Millis
  readonly exit: (process: Process) => void
}

/** The duration of a manual reservation. */
export const RESERVED_MS: Millis = 60_000

/** Between SIGINT and SIGKILL at a time limit. */
export const GRACE_MS: Millis = 1_000

const CHECK_EVERY_MS: Millis = 2_000

/** One command line, from its start to the end of its process. */
export class Client {
  readonly #parts: ClientParts
  readonly #pool: DaemonPool
  readonly #interruption = new AbortController()
  readonly id: string
  /** The reservation that its user knows of. */
  held: Held | undefined
  /** It received the grant that it waited for. */
  isGranted = false
  /** The number of its progress reports. */
  reports = 0
  /** A `run` has become its command. */
  isRunning = false
  /** The code of its error; null for none; undefined while it asks. */
  outcome: string | null | undefined

  constructor(parts: ClientParts) {
    this.#parts = parts
    this.id = `c${parts.process.identity.pid}`
    const { connect, clock } = parts
    const caller = { threshold: null, probeTimeout: 10_000 }
    this.#pool = new DaemonPool({ socket: '/run/s', connect, clock, caller, warn: () => {} })
    void this.#perform()
  }

  get process(): Process {
    return this.#parts.process
  }

  get command(): Command {
    return this.#parts.command
  }

  interrupt(): void {
    this.#interruption.abort(interrupted())
  }

  async #perform(): Promise<void> {
    const outcome = await this.#outcome()
    this.#pool.close()
    // The code of a process that has exited continues here, but its result does not count.
    if (this.process.state === 'gone') return
    this.outcome = outcome
    if (!this.isRunning) this.#parts.exit(this.process)
  }

  async #outcome(): Promise<string | null> {
    try {
      const answer = await this.#ask()
      if (answer === null) return null
      if (isRefusal(answer)) return answer.refused.code
      this.#hold(answer)
      return null
    } catch (error) {
      if (error instanceof CanhazgpuError) return error.code
      throw error
    }
  }

  #hold({ reservation }: Grant): void {
    if (this.process.state === 'gone') return
    this.held = { id: reservation.id, units: unitsOf(reservation) }
    this.isRunning = reservation.term.kind === 'run'
  }

  async #ask(): Promise<Grant | Refusal | null> {
    const { command } = this.#parts
    switch (command.kind) {
      case 'status':
        await this.#pool.view('status')
        return null
      case 'release': {
        return refusalOf(await this.#pool.perform({ op: 'release' }))
      }
      case 'book': {
        const { count, from, lasts } = command
        const { term: _, ...intent } = this.#intent({ kind: 'reserve', count, wait: false })
        const term = { kind: 'booking', from, duration: lasts } as const
        return refusalOf(await this.#pool.perform({ op: 'book', intent: { ...intent, term } }))
      }
      case 'cancel':
        return refusalOf(await this.#pool.perform({ op: 'cancel', id: command.id }))
      case 'drain':
      case 'restore':
        return refusalOf(await this.#pool.perform({ op: command.kind, units: [command.unit] }))
      case 'limit': {
        const change = { key: 'max-gpus', scope: { kind: 'pool' }, value: command.most } as const
        return refusalOf(await this.#pool.perform({ op: 'set-policy', change }))
      }
      case 'run':
      case 'reserve': {
        const intent = this.#intent(command)
        if (command.wait) return this.#wait(intent)
        const answer = await this.#pool.perform({ op: 'acquire', intent })
        if (isRefusal(answer)) return answer
        if (answer.kind === 'queued') throw new Error('queued without --wait')
        return answer.grant
      }
    }
  }

  #wait(intent: Intent): Promise<Grant | Refusal> {
    const { signal } = this.#interruption
    const interruption = new Promise<'interrupted'>((resolve) => {
      if (signal.aborted) resolve('interrupted')
      signal.addEventListener('abort', () => resolve('interrupted'))
    })
    const asked = (ms: Millis) => {
      const timeout = new Promise<'timeout'>((resolve) => setTimeout(resolve, ms, 'timeout'))
      return signal.aborted ? interruption : Promise.race([interruption, timeout])
    }
    return waitAtDaemon(this.#pool, intent, {
      onProgress: () => {
        this.reports++
      },
      waker: {
        wait: (ms) => asked(Math.min(ms, CHECK_EVERY_MS)),
        listen: () => {},
        interruption: signal,
        wasInterrupted: async () => {
          this.isGranted = true
          return signal.aborted
        },
      },
      ...(this.#parts.command.kind === 'reserve' && this.#parts.command.for !== undefined
        ? { waitFor: this.#parts.command.for }
        : {}),
    })
  }

  #intent({ kind, count, for: duration, untilBooked }: Acquire): Intent {
    const { identity, uid } = this.process
    const booked = untilBooked === undefined ? {} : { untilBooked: { grace: GRACE_MS } }
    const name = `user${uid}`
    const timeout = duration === undefined ? {} : { timeout: { after: duration, grace: GRACE_MS } }
    const term: RequestedTerm =
      kind === 'run'
        ? { kind, process: identity, command: 'train', ...timeout, ...booked }
        : { kind: 'manual', duration: RESERVED_MS }
    return {
      id: this.id,
      request: { kind: 'count', count },
      owner: { account: { uid, name }, shownName: name },
      term,
    }
  }
}

const refusalOf = (answer: object | null): Refusal | null =>
  answer !== null && isRefusal(answer) ? answer : null
