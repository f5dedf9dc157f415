import type { FailedCall } from '../../domain/fleet/call-end.ts'
import { type CallerFrame, type End, FROM_CALLER, type Frame, frame } from '../../domain/fleet/frames.ts'
import { isSilent, PING_MS } from '../../domain/fleet/patience.ts'
import { steadyNow } from '../kernel/clock.ts'
import { utf8Text } from '../kernel/libc/memory.ts'
import type { Interest, Readiness } from '../kernel/poll.ts'
import { GreetedFrames } from './greeted.ts'
import { reasonIn } from './ssh-command.ts'
import type { SshProcess } from './ssh-process.ts'

const MOST_REASON = 8192
/** Of bytes that `ssh` has not taken yet; then no more input follows. */
const MOST_WAITING = 128 * 1024
/** The exit status of `ssh` if it has no connection. */
const SSH_FAILED = 255

/** The frames to and from a host, over a running `ssh`. */
export class HostLink {
  readonly #ssh: SshProcess
  readonly #frames = new GreetedFrames()
  #heardAt = steadyNow()
  #pingAt = 0
  #unanswered = 0
  /** The last words of `ssh`. */
  #reason = ''

  constructor(ssh: SshProcess) {
    this.#ssh = ssh
  }

  get isGreeted(): boolean {
    return this.#frames.isGreeted
  }

  get hasRoom(): boolean {
    return this.#ssh.input.size < MOST_WAITING
  }

  get isSilent(): boolean {
    return isSilent({ now: steadyNow(), heardAt: this.#heardAt })
  }

  /** The last sign of the host. */
  get sign(): { readonly heardAt: number; readonly unanswered: number } {
    return { heardAt: this.#heardAt, unanswered: this.#unanswered }
  }

  send(kind: CallerFrame, content?: Uint8Array): void {
    this.sendFrame(frame(kind, content))
  }

  sendFrame(bytes: Uint8Array<ArrayBuffer>): void {
    this.#ssh.input.push(bytes)
  }

  /** Tells the host every 5 s that we are alive. */
  keepAlive(): void {
    const now = steadyNow()
    if (now < this.#pingAt) return
    this.#pingAt = now + PING_MS
    this.#unanswered++
    // Over a connection that is cut, the pings are not collected.
    if (this.hasRoom) this.send(FROM_CALLER.ping)
  }

  /** While we do not listen to the host, it is not silent. */
  excuseSilence(): void {
    this.#heardAt = steadyNow()
    this.#unanswered = 0
  }

  /** `listens`: whether there is room for what the host sends. */
  interests(listens: boolean): readonly Interest[] {
    const { input, output, errorOutput } = this.#ssh
    return [
      { fd: input.fd, write: input.size > 0 },
      { fd: output.fd, read: listens && !output.isOver },
      { fd: errorOutput.fd, read: !errorOutput.isOver },
    ]
  }

  /** Writes what can be written. Returns whether `hear` has something to read. */
  exchange(isReady: (fd: number, what: keyof Readiness) => boolean): boolean {
    const { input, output, errorOutput } = this.#ssh
    if (isReady(input.fd, 'writable')) input.write()
    if (isReady(errorOutput.fd, 'readable')) this.#noteReason()
    return isReady(output.fd, 'readable')
  }

  /** The next frames; null if there is nothing to read now. Throws for bytes that are no frames. */
  hear(): readonly Frame[] | null {
    const bytes = this.#ssh.output.read()
    if (typeof bytes === 'string') return null
    this.excuseSilence()
    return this.#frames.push(bytes)
  }

  /** Whether `ssh` has ended. Then all that it wrote can be heard, also if another process still holds its pipes open. */
  get isOver(): boolean {
    return this.#ssh.end() !== null
  }

  /** Why the call has no answer, after `ssh` has ended before the start of the command. */
  whyOver(): FailedCall {
    this.#noteReason()
    const end = this.#ssh.end() ?? { code: SSH_FAILED }
    const reason = reasonIn(this.#reason) ?? endWords(end)
    const isConnected = 'code' in end && end.code !== SSH_FAILED
    return { kind: isConnected && !this.isGreeted ? 'not-understood' : 'unreachable', reason }
  }

  /** `ends`: `ssh` ends by itself, because the host has answered and we end too. */
  close({ ends }: { readonly ends: boolean }): void {
    this.#ssh.input.end()
    if (!ends) this.#ssh.kill()
  }

  #noteReason(): void {
    const bytes = this.#ssh.errorOutput.read()
    if (typeof bytes !== 'string') this.#reason = (this.#reason + utf8Text(bytes)).slice(-MOST_REASON)
  }
}

const endWords = (end: End): string =>
  'code' in end ? `ssh ended with status ${end.code}` : `ssh was ended by signal ${end.signal}`
