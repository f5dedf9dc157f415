import {
  FROM_CALLER,
  FROM_HOST,
  type Frame,
  FrameReader,
  frame,
  INPUT_WINDOW,
  numberIn,
  numbersFrame,
} from '../../domain/fleet/frames.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { steadyNow } from '../kernel/clock.ts'
import { close, write } from '../kernel/libc/descriptors.ts'
import { utf8 } from '../kernel/libc/memory.ts'
import { kill, reap } from '../kernel/libc/process.ts'
import { pollAny, type Readiness } from '../kernel/poll.ts'
import { resizeTerminal } from '../kernel/pseudo-terminal.ts'
import { endOf } from '../kernel/spawn.ts'
import { Inlet } from './inlet.ts'
import { Outlet } from './outlet.ts'
import type { Hosted } from './start-hosted.ts'

/** A caller that is silent for so long is gone. Then its place in the queue, or its grant, is given up. */
const SILENCE_MS: Millis = 20_000
/** How long the command may take to give up. */
const GIVING_UP_MS: Millis = 5_000
/** While more bytes are on their way to the caller, the output of the command waits. */
const MOST_WAITING = 256 * 1024
/** Of the output that an ended command has left: other processes may still write to it. */
const MOST_LEFT_OVER = 1024 * 1024
const CHECK_EVERY_MS: Millis = 1_000

const SIGHUP = 1
const SIGKILL = 9
const SIGTERM = 15
/** The keys of a terminal, and its end, send these to all processes of a job. */
const SIGNALS_OF_TERMINALS: readonly number[] = [SIGHUP, 2, 3]
const FORWARDED: readonly number[] = [...SIGNALS_OF_TERMINALS, 10, 12, SIGTERM]

type OutputKind = typeof FROM_HOST.output | typeof FROM_HOST.errorOutput

/** Serves the caller on our standard streams until its command has ended, or the caller is gone. */
export class CallerService {
  readonly #hosted: Hosted
  readonly #caller = new Inlet(0, { mayBlock: false })
  readonly #answers = new Outlet(1, { mayBlock: false })
  readonly #frames = new FrameReader()
  #heardAt = steadyNow()
  #isGranted = false
  /** The caller has agreed to the grant. */
  #isStarted = false
  /** Input that the caller may send. */
  #window = INPUT_WINDOW

  constructor(hosted: Hosted) {
    this.#hosted = hosted
  }

  /**
   * A command that has not started gives up if the caller is gone or silent. A started one gets SIGHUP if the connection
   * ends, as if its terminal was closed.
   */
  run(): void {
    for (;;) {
      this.#exchange()
      const ended = reap(this.#hosted.pid)
      if (ended !== null) {
        this.#finish(ended.status)
        return
      }
      if (this.#caller.isOver || this.#answers.isBroken) {
        this.#hangUp()
        return
      }
      if (!this.#isStarted && steadyNow() - this.#heardAt > SILENCE_MS) {
        this.#giveUp()
        return
      }
    }
  }

  /** Moves the bytes that can be moved without blocking. */
  #exchange(): void {
    const { gate, input, output, errorOutput, pidfd } = this.#hosted
    const hasRoom = this.#answers.size < MOST_WAITING
    const isOneTerminal = input.fd === output.fd
    const inlets = [output, errorOutput].filter((inlet) => inlet?.isOver === false)
    const ready = pollAny(
      [
        { fd: 0, read: true },
        { fd: 1, write: this.#answers.size > 0 },
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
    if (isReady(1, 'writable')) this.#answers.write()
  }

  #hear(): void {
    const bytes = this.#caller.read()
    if (typeof bytes === 'string') return
    this.#heardAt = steadyNow()
    for (const each of this.#frames.push(bytes)) this.#obey(each)
  }

  #obey({ kind, content }: Frame): void {
    const { input, terminal } = this.#hosted
    switch (kind) {
      case FROM_CALLER.ping:
        this.#answers.push(frame(FROM_HOST.pong))
        break
      case FROM_CALLER.go:
        this.#openGate()
        break
      case FROM_CALLER.input:
        this.#window -= content.length
        input.push(content)
        // The command has closed its input: as with a pipe, nobody reads the rest.
        this.#allowInput()
        break
      case FROM_CALLER.endOfInput:
        if (terminal === undefined) input.end()
        break
      case FROM_CALLER.signal:
        this.#signal(content[0] ?? 0)
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
    this.#isGranted = true
    this.#answers.push(frame(FROM_HOST.granted))
  }

  #openGate(): void {
    if (!this.#isGranted || this.#isStarted) return
    this.#isStarted = true
    write(this.#hosted.gate.fd, utf8('\n'))
  }

  #feed(): void {
    this.#hosted.input.write()
    this.#allowInput()
  }

  /** Tells the caller how much more input it may send. */
  #allowInput(): void {
    const free = INPUT_WINDOW - this.#window - this.#hosted.input.size
    if (free < INPUT_WINDOW / 4) return
    this.#window += free
    this.#answers.push(numbersFrame(FROM_HOST.credit, 32, [free]))
  }

  /** False if there is nothing to read now. */
  #pass(inlet: Inlet, kind: OutputKind): boolean {
    const bytes = inlet.read()
    if (typeof bytes === 'string') return false
    this.#answers.push(frame(kind, bytes))
    return true
  }

  #signal(signal: number): void {
    if (!FORWARDED.includes(signal)) return
    const { pid } = this.#hosted
    if (SIGNALS_OF_TERMINALS.includes(signal) && kill(-pid, signal) === 0) return
    kill(pid, signal)
  }

  #finish(status: number): void {
    const { output, errorOutput, terminal } = this.#hosted
    this.#passRest(output, FROM_HOST.output, terminal !== undefined)
    if (errorOutput !== undefined) this.#passRest(errorOutput, FROM_HOST.errorOutput, false)
    this.#answers.push(frame(FROM_HOST.end, utf8(JSON.stringify(endOf(status)))))
    this.#flush()
  }

  /** The kernel may still move the output of a terminal, but reports its end after the last byte. */
  #passRest(inlet: Inlet, kind: OutputKind, isTerminal: boolean): void {
    const most = this.#answers.size + MOST_LEFT_OVER
    while (!inlet.isOver && this.#answers.size < most) {
      if (this.#pass(inlet, kind)) continue
      if (!isTerminal) return
      if (pollAny([{ fd: inlet.fd, read: true }], CHECK_EVERY_MS)?.get(inlet.fd)?.readable !== true) return
    }
  }

  #flush(): void {
    while (this.#answers.size > 0 && !this.#answers.isBroken && !this.#caller.isOver) {
      const ready = pollAny(
        [
          { fd: 0, read: true },
          { fd: 1, write: true },
        ],
        CHECK_EVERY_MS,
      )
      if (ready?.get(0)?.readable === true) this.#caller.read()
      if (ready?.get(1)?.writable === true) this.#answers.write()
    }
  }

  #hangUp(): void {
    if (!this.#isStarted) {
      this.#leave()
      return
    }
    this.#signal(SIGHUP)
    // Our exit closes a terminal, and the kernel does the rest.
    if (this.#hosted.terminal === undefined) this.#discardOutput()
  }

  /** A command that handles SIGHUP can write its last words, or work on. */
  #discardOutput(): void {
    const { pid, pidfd, input, output, errorOutput } = this.#hosted
    input.end()
    const inlets = [output, errorOutput].filter((inlet) => inlet !== undefined)
    while (reap(pid) === null) {
      const interests = inlets.map(({ fd, isOver }) => ({ fd, read: !isOver }))
      const ready = pollAny([{ fd: pidfd, read: true }, ...interests], CHECK_EVERY_MS)
      for (const inlet of inlets) if (ready?.get(inlet.fd)?.readable === true) inlet.read()
    }
  }

  #giveUp(): void {
    this.#leave()
    const message = `the caller was silent for ${SILENCE_MS / 1000} s`
    this.#answers.push(frame(FROM_HOST.failure, utf8(JSON.stringify({ code: 'host-unreachable', message }))))
    if (pollAny([{ fd: 1, write: true }], 0)?.get(1)?.writable === true) this.#answers.write()
  }

  /** A granted command reads the end of the gate, and returns its grant; a waiting one leaves the queue. */
  #leave(): void {
    const { gate, pid, pidfd } = this.#hosted
    close(gate.fd)
    if (!this.#isGranted) kill(pid, SIGTERM)
    const until = steadyNow() + GIVING_UP_MS
    while (reap(pid) === null) {
      const left = until - steadyNow()
      if (left <= 0) return void kill(pid, SIGKILL)
      pollAny([{ fd: pidfd, read: true }], Math.min(left, CHECK_EVERY_MS))
    }
  }
}

const sizeIn = (content: Uint8Array) => ({
  columns: numberIn(content, 16, 0),
  rows: numberIn(content, 16, 1),
})
