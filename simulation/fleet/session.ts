import type { ServingStep } from '../../src/domain/fleet/session.ts'
import type { Machine } from '../system/machine.ts'
import type { Process } from '../system/process.ts'
import type { SessionCheck } from './check/sessions.ts'
import type { Link } from './link.ts'

/** One request of a caller to one host, as both ends and the network really are. */
export class Session {
  /** The id of its reservation. */
  readonly id: string
  readonly isRun: boolean
  readonly host: Machine
  readonly caller: Process
  readonly link: Link
  hosted: Process | undefined
  server: Process | undefined
  /** Whether the command asked for the permission of the caller. */
  isGranted = false
  /** Whether a signal came that did not end its process. */
  isSignalled = false
  /** Whether the caller gave it. */
  isAgreed = false
  /** Whether the host has told the command so. */
  isAllowed = false
  isKept = false
  /** Whether the host ended the process of the command, without giving it time to give up. */
  wasEnded = false
  /** Whether the command has done what it was asked for. */
  isDone = false
  /** When the last frame of the caller came to the host. */
  heardAt: number
  readonly begun: number
  readonly boot: number
  readonly #check: SessionCheck

  constructor(parts: Pick<Session, 'id' | 'isRun' | 'host' | 'caller' | 'link'>, check: SessionCheck) {
    this.id = parts.id
    this.isRun = parts.isRun
    this.host = parts.host
    this.caller = parts.caller
    this.link = parts.link
    this.#check = check
    this.begun = this.host.scheduler.now
    this.heardAt = this.begun
    this.boot = this.host.boots
  }

  /** Whether one of its ends still lives. */
  get isOpen(): boolean {
    return this.caller.isAlive || this.server?.isAlive === true
  }

  heard(): void {
    this.heardAt = this.host.scheduler.now
  }

  /** The command keeps its GPUs. */
  kept(): void {
    this.isKept = true
    this.#check.kept(this)
  }

  /** The host no longer serves the caller. */
  leaves(step: ServingStep): void {
    this.#check.left(this, step)
  }
}
