import { FROM_CALLER, FROM_HOST, type Frame, numberIn, numbersFrame } from '../../domain/fleet/frames.ts'
import { SILENCE_MS } from '../../domain/fleet/patience.ts'
import { HostSide } from '../../domain/fleet/session.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { write } from '../kernel/libc/descriptors.ts'
import { utf8 } from '../kernel/libc/memory.ts'
import { reap } from '../kernel/libc/process.ts'
import { pollAny, type Readiness } from '../kernel/poll.ts'
import { resizeTerminal } from '../kernel/pseudo-terminal.ts'
import { endOf } from '../kernel/spawn.ts'
import { CallerLink } from './caller-link.ts'
import { hangUp, leave, signalHosted } from './end-hosted.ts'
import { HostedInput } from './hosted-input.ts'
import type { Inlet } from './inlet.ts'
import type { Hosted } from './start-hosted.ts'

/** Of the output that an ended command has left: other processes may still write to it. */
const MOST_LEFT_OVER = 1024 * 1024
const CHECK_EVERY_MS: Millis = 1_000

type OutputKind = typeof FROM_HOST.output | typeof FROM_HOST.errorOutput

/** Serves the caller on our standard streams until its command has ended, or the caller is gone. */
export class CallerService {
  readonly #hosted: Hosted
  readonly #caller = new CallerLink()
  readonly #input: HostedInput
  readonly #side = new HostSide()
  /** What the caller did that no caller does. */
  #violation: string | undefined

  constructor(hosted: Hosted) {
    this.#hosted = hosted
    this.#input = new HostedInput(hosted.input)
  }

  /**
   * A command that has not started gives up if the caller is gone or silent. A started one gets SIGHUP if the connection
   * ends, as if its terminal was closed.
   */
  run(): void {
    while (!this.#isFinished()) this.#exchange()
  }

  /** Whether there is nothing left to do. If something has ended the exchange, does the rest. */
  #isFinished(): boolean {
    const ended = reap(this.#hosted.pid)
    const step = this.#side.step(this.#caller)
    if (ended !== null) this.#finish(ended.status)
    else if (step === 'leave' || step === 'hang-up') this.#end()
    else if (this.#violation !== undefined) this.#refuse(this.#violation)
    else if (step === 'give-up') this.#refuse(`the caller was silent for ${SILENCE_MS / 1000} s`)
    else {
      if (step === 'remind') this.#caller.remind()
      return false
    }
    return true
  }

  /** Moves the bytes that can be moved without blocking. */
  #exchange(): void {
    const { gate, input, output, errorOutput, pidfd } = this.#hosted
    const { hasRoom } = this.#caller
    const isOneTerminal = input.fd === output.fd
    const inlets = [output, errorOutput].filter((inlet) => inlet?.isOver === false)
    const ready = pollAny(
      [
        ...this.#caller.interests(),
        { fd: pidfd, read: true },
        { fd: gate.fd, read: !gate.isOver },
        { fd: input.fd, write: input.size > 0, read: isOneTerminal && hasRoom && !output.isOver },
        ...inlets
          .filter((inlet) => inlet !== output || !isOneTerminal)
          .map((inlet) => ({ fd: inlet?.fd ?? -1, read: hasRoom })),
      ],
      CHECK_EVERY_MS,
    )
    const isReady = (fd: number, what: keyof Readiness) => ready?.get(fd)?.[what] === true
    if (isReady(0, 'readable')) this.#hear()
    if (isReady(gate.fd, 'readable')) this.#hearGate()
    if (isReady(input.fd, 'writable')) this.#feed()
    if (isReady(output.fd, 'readable')) this.#pass(output, FROM_HOST.output)
    if (errorOutput !== undefined && isReady(errorOutput.fd, 'readable')) {
      this.#pass(errorOutput, FROM_HOST.errorOutput)
    }
    this.#caller.write(isReady)
  }

  #hear(): void {
    try {
      for (const each of this.#caller.hear()) this.#obey(each)
    } catch (error) {
      if (!(error instanceof Error)) throw error
      this.#violation = error.message
    }
  }

  #obey({ kind, content }: Frame): void {
    const { terminal } = this.#hosted
    switch (kind) {
      case FROM_CALLER.ping:
        this.#caller.pong()
        break
      case FROM_CALLER.go:
        this.#openGate()
        break
      case FROM_CALLER.input:
        this.#input.push(content)
        // The command has closed its input: as with a pipe, nobody reads the rest.
        this.#allowInput()
        break
      case FROM_CALLER.endOfInput:
        if (terminal === undefined) this.#hosted.input.end()
        break
      case FROM_CALLER.signal:
        signalHosted(this.#hosted, content[0] ?? 0)
        break
      case FROM_CALLER.closed:
        this.#close(String.fromCharCode(content[0] ?? 0))
        break
      case FROM_CALLER.size:
        if (terminal !== undefined) resizeTerminal(terminal, sizeIn(content))
        break
    }
  }

  /** The next write of the command then fails, as if it wrote to the reader itself. */
  #close(kind: string): void {
    const { output, errorOutput, terminal } = this.#hosted
    const inlet = kind === FROM_HOST.errorOutput ? errorOutput : terminal === undefined ? output : undefined
    inlet?.close()
  }

  #hearGate(): void {
    if (typeof this.#hosted.gate.read() === 'string') return
    this.#side.granted()
    this.#caller.send(FROM_HOST.granted)
  }

  #openGate(): void {
    if (this.#side.agreed()) write(this.#hosted.gate.fd, utf8('\n'))
  }

  #feed(): void {
    this.#hosted.input.write()
    this.#allowInput()
  }

  /** Tells the caller how much more input it may send. */
  #allowInput(): void {
    const credit = this.#input.allowMore()
    if (credit > 0) this.#caller.sendFrame(numbersFrame(FROM_HOST.credit, 32, [credit]))
  }

  /** False if there is nothing to read now. */
  #pass(inlet: Inlet, kind: OutputKind): boolean {
    const bytes = inlet.read()
    if (typeof bytes === 'string') return false
    this.#caller.send(kind, bytes)
    return true
  }

  #finish(status: number): void {
    const { output, errorOutput, terminal } = this.#hosted
    this.#passRest(output, FROM_HOST.output, terminal !== undefined)
    if (errorOutput !== undefined) this.#passRest(errorOutput, FROM_HOST.errorOutput, false)
    this.#caller.send(FROM_HOST.end, utf8(JSON.stringify(endOf(status))))
    this.#caller.flush()
  }

  /** The kernel may still move the output of a terminal, but reports its end after the last byte. */
  #passRest(inlet: Inlet, kind: OutputKind, isTerminal: boolean): void {
    const most = this.#caller.size + MOST_LEFT_OVER
    while (!inlet.isOver && this.#caller.size < most) {
      if (this.#pass(inlet, kind)) continue
      if (!isTerminal) return
      if (pollAny([{ fd: inlet.fd, read: true }], CHECK_EVERY_MS)?.get(inlet.fd)?.readable !== true) return
    }
  }

  #refuse(message: string): void {
    const code = this.#side.isStarted ? 'connection-lost' : 'host-unreachable'
    this.#caller.send(FROM_HOST.failure, utf8(JSON.stringify({ code, message })))
    this.#caller.writeNow()
    this.#end()
  }

  #end(): void {
    if (this.#side.isStarted) hangUp(this.#hosted)
    else leave(this.#hosted, this.#side.isGranted)
  }
}

const sizeIn = (content: Uint8Array) => ({
  columns: numberIn(content, 16, 0),
  rows: numberIn(content, 16, 1),
})
