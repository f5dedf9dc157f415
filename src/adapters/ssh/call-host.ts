import type { CallEnd } from '../../domain/fleet/call-end.ts'
import {
  endIn,
  FROM_CALLER,
  FROM_HOST,
  type Frame,
  INPUT_WINDOW,
  numberIn,
  numbersFrame,
} from '../../domain/fleet/frames.ts'
import type { RemoteHost } from '../../domain/fleet/host-name.ts'
import { ANSWER_MS, type CallStage, endOfPatience } from '../../domain/fleet/patience.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { steadyNow } from '../kernel/clock.ts'
import { errorText } from '../kernel/libc/library.ts'
import { utf8 } from '../kernel/libc/memory.ts'
import { pollAny, type Readiness } from '../kernel/poll.ts'
import { SHELL_BASE } from '../process/end-like.ts'
import { CallerSignals, isEnding } from './caller-signals.ts'
import { CallerStreams } from './caller-streams.ts'
import { CallerTerminal } from './caller-terminal.ts'
import { recordIn } from './greeted.ts'
import { HostLink } from './host-link.ts'
import { startSsh } from './ssh-process.ts'

export interface Call {
  readonly host: RemoteHost
  /** Of `encodeRequest`. */
  readonly request: string
  /** Whether the command there has a terminal, whose keys and size are those of ours. */
  readonly hasTerminal: boolean
  /** Whether the command gets our standard input. */
  readonly hasInput: boolean
  /** Bit n - 1 is set for each signal n that this process must not handle. */
  readonly ignoredSignals: bigint
  /**
   * A line for stderr at the start. With it the call is an attempt: a command that is not granted its GPUs shows nothing.
   */
  readonly announcement?: string
  /** How long the command may take until it prints something or has its GPUs; in an attempt, until it has them. */
  readonly answerWithin?: Millis
}

const CONNECT_MS: Millis = 10_000
/** Signals that come between two calls of poll(2) wait so long. */
const TURN_MS: Millis = 200
const CTRL_C = 3
const SIGHUP = 1
const SIGPIPE = 13

/** Runs the request on the host, with our standard streams, until it ends. */
export async function callHost(call: Call): Promise<CallEnd> {
  const ssh = startSsh(call.host, call.request, CONNECT_MS)
  if (typeof ssh === 'number') {
    return { kind: 'unreachable', reason: `cannot start ssh: ${errorText(-ssh)}` }
  }
  const signals = new CallerSignals(call.ignoredSignals)
  const running = new RunningCall(call, new HostLink(ssh), signals)
  try {
    return await running.untilEnd()
  } finally {
    running.close()
    signals.close()
  }
}

class RunningCall {
  readonly #call: Call
  readonly #link: HostLink
  readonly #signals: CallerSignals
  readonly #terminal: CallerTerminal | null
  readonly #streams: CallerStreams
  #stage: CallStage = { kind: 'connecting', since: steadyNow() }
  #window = INPUT_WINDOW
  #end: CallEnd | undefined
  #isAbandoned = false

  constructor(call: Call, link: HostLink, signals: CallerSignals) {
    this.#call = call
    this.#link = link
    this.#signals = signals
    this.#streams = new CallerStreams(call.announcement)
    this.#terminal = call.hasTerminal ? new CallerTerminal() : null
    if (!call.hasInput) link.send(FROM_CALLER.endOfInput)
  }

  async untilEnd(): Promise<CallEnd> {
    for (;;) {
      await this.#signals.turn()
      this.#forwardSignals()
      this.#link.keepAlive()
      this.#exchange()
      this.#end ??= endOfPatience({
        ...{ ...this.#link.sign, stage: this.#stage, now: steadyNow() },
        answerWithin: this.#call.answerWithin ?? ANSWER_MS,
      })
      if (this.#end !== undefined && (this.#streams.isShown || this.#isAbandoned))
        return this.#whole(this.#end)
    }
  }

  /** A command whose output was lost must not look successful. Without a reader for its output it may end by SIGPIPE. */
  #whole(end: CallEnd): CallEnd {
    const { lost } = this.#streams
    if (lost === undefined || end.kind !== 'ended') return end
    const status = 'code' in end.end ? end.end.code : SHELL_BASE + end.end.signal
    return [0, SHELL_BASE + SIGPIPE].includes(status) ? { kind: 'output-lost', reason: lost } : end
  }

  /** Restores the terminal. */
  close(): void {
    this.#terminal?.close()
    this.#link.close({ ends: this.#end?.kind === 'ended' && (this.#isStarted || !this.#isAttempt) })
  }

  #exchange(): void {
    const isOpen = this.#end === undefined
    // Asked before reading: what `ssh` wrote before its end can be read.
    const isOver = this.#link.isOver
    const { hasRoom } = this.#streams
    if (!hasRoom) this.#link.excuseSilence()
    const ready = pollAny(
      [
        { fd: 0, read: isOpen && this.#readsInput() },
        ...this.#streams.interests(),
        ...(isOpen ? this.#link.interests(hasRoom) : []),
      ],
      isOpen && isOver && hasRoom ? 0 : TURN_MS,
    )
    if (ready === null) this.#signals.note()
    const isReady = (fd: number, what: keyof Readiness) => ready?.get(fd)?.[what] === true
    if (isReady(0, 'readable')) this.#sendInput()
    for (const kind of this.#streams.write(isReady)) this.#link.send(FROM_CALLER.closed, utf8(kind))
    if (this.#link.exchange(isReady) || isOver) this.#hear(isOver)
  }

  #readsInput(): boolean {
    if (!this.#call.hasInput || !this.#isStarted || this.#window === 0) return false
    return !this.#streams.input.isOver && this.#link.hasRoom && CallerTerminal.mayRead()
  }

  #sendInput(): void {
    const bytes = this.#streams.input.read(this.#window)
    if (bytes === 'later') return
    if (bytes === 'over') {
      // A terminal without other end: its window was closed.
      if (this.#terminal !== null) this.#signals.add(SIGHUP)
      this.#link.send(FROM_CALLER.endOfInput)
      return
    }
    if (this.#terminal !== null && this.#link.isSilent && bytes.includes(CTRL_C)) this.#end = { kind: 'lost' }
    this.#window -= bytes.length
    this.#link.send(FROM_CALLER.input, bytes)
  }

  /** `isOver`: `ssh` has ended, so nothing follows after what can be read now. */
  #hear(isOver: boolean): void {
    if (this.#end !== undefined || !this.#streams.hasRoom) return
    try {
      const frames = this.#link.hear()
      for (const each of frames ?? []) this.#take(each)
      if (frames === null && isOver) this.#end = this.#isStarted ? { kind: 'lost' } : this.#link.whyOver()
    } catch (error) {
      if (!(error instanceof Error)) throw error
      this.#end = { kind: 'not-understood', reason: error.message }
    }
    if (this.#stage.kind === 'connecting' && this.#link.isGreeted) {
      this.#stage = { kind: 'asked', since: steadyNow() }
    }
  }

  #take(taken: Frame): void {
    const { kind, content } = taken
    switch (kind) {
      case FROM_HOST.output:
      case FROM_HOST.errorOutput:
        if (this.#streams.take(kind, content) && !this.#isStarted) this.#stage = { kind: 'waiting' }
        break
      case FROM_HOST.credit:
        this.#window += numberIn(content, 32, 0)
        break
      case FROM_HOST.granted:
        if (!this.#isStarted) this.#start()
        break
      case FROM_HOST.end:
        this.#end = { kind: 'ended', end: endIn(recordIn(content)), isStarted: this.#isStarted }
        break
      case FROM_HOST.failure:
        this.#end = { kind: 'failed', failure: recordIn(content) }
    }
  }

  /** Then the caller would go on with another host. */
  get #isAttempt(): boolean {
    return this.#call.announcement !== undefined
  }

  get #isStarted(): boolean {
    return this.#stage.kind === 'started'
  }

  #start(): void {
    this.#stage = { kind: 'started' }
    this.#streams.start()
    this.#link.send(FROM_CALLER.go)
    this.#terminal?.takeOver()
    this.#sendSize()
  }

  #sendSize(): void {
    if (this.#terminal === null) return
    const { columns, rows } = this.#terminal.size
    this.#link.sendFrame(numbersFrame(FROM_CALLER.size, 16, [columns, rows]))
  }

  /** The command has ended, and nobody reads its output: the signal ends this process. */
  #abandon(signal: number | undefined): void {
    if (signal === undefined || this.#end === undefined) return
    this.#isAbandoned = true
    if (this.#end.kind === 'ended') this.#end = { ...this.#end, end: { signal } }
  }

  #forwardSignals(): void {
    const { signals, isResized, isContinued } = this.#signals.take()
    if (this.#end !== undefined) {
      this.#abandon(signals.find(isEnding))
      return
    }
    if (isContinued) this.#terminal?.takeOver()
    if (isResized || isContinued) this.#sendSize()
    for (const signal of signals) {
      const isTooLate = this.#isStarted
        ? this.#link.isSilent
        : this.#isAttempt || !this.#link.isGreeted || this.#signals.isRepeated
      if (isTooLate) this.#end = this.#isStarted ? { kind: 'lost' } : { kind: 'interrupted' }
      this.#link.send(FROM_CALLER.signal, new Uint8Array([signal]))
    }
  }
}
