import type { CallEnd } from '../../domain/fleet/call-end.ts'
import {
  type End,
  endIn,
  FROM_CALLER,
  FROM_HOST,
  type Frame,
  frame,
  INPUT_WINDOW,
  numberIn,
  numbersFrame,
} from '../../domain/fleet/frames.ts'
import type { RemoteHost } from '../../domain/fleet/host-name.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { steadyNow } from '../kernel/clock.ts'
import { errorText } from '../kernel/libc/library.ts'
import { utf8, utf8Text } from '../kernel/libc/memory.ts'
import { pollAny, type Readiness } from '../kernel/poll.ts'
import { CallerSignals } from './caller-signals.ts'
import { CallerTerminal } from './caller-terminal.ts'
import { GreetedFrames, recordIn } from './greeted.ts'
import { Inlet } from './inlet.ts'
import { Outlet } from './outlet.ts'
import { reasonIn } from './ssh-command.ts'
import { type SshProcess, startSsh } from './ssh-process.ts'

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
}

const PING_MS: Millis = 5_000
/** The host gives up after this time without a ping; so the caller does too. */
const SILENCE_MS: Millis = 20_000
const CONNECT_MS: Millis = 10_000
/** From the start of `ssh` to the greeting. */
const GREETING_MS: Millis = 25_000
/** Signals that come between two calls of poll(2) wait so long. */
const TURN_MS: Millis = 200
/** Output that this process has not written yet; then it reads no more. */
const MOST_WAITING = 1024 * 1024
const MOST_REASON = 8192
/** Output that an attempt keeps back until its command has its GPUs. */
const MOST_HELD = 64 * 1024
const INPUT_PIECE_WAITING = 128 * 1024
const CTRL_C = 3
const SIGHUP = 1

/** Runs the request on the host, with our standard streams, until it ends. */
export async function callHost(call: Call): Promise<CallEnd> {
  const ssh = startSsh(call.host, call.request, CONNECT_MS)
  if (typeof ssh === 'number') {
    return { kind: 'unreachable', reason: `cannot start ssh: ${errorText(-ssh)}` }
  }
  const signals = new CallerSignals(call.ignoredSignals)
  const running = new RunningCall(call, ssh, signals)
  try {
    return await running.untilEnd()
  } finally {
    running.close()
    signals.close()
  }
}

class RunningCall {
  readonly #call: Call
  readonly #ssh: SshProcess
  readonly #signals: CallerSignals
  readonly #terminal: CallerTerminal | null
  readonly #frames = new GreetedFrames()
  readonly #stdin = new Inlet(0, { mayBlock: true })
  readonly #stdout = new Outlet(1, { mayBlock: true })
  readonly #stderr = new Outlet(2, { mayBlock: true })
  readonly #began = steadyNow()
  #heardAt = this.#began
  #pingAt = 0
  #isStarted = false
  #window = INPUT_WINDOW
  #held: Frame[] = []
  #heldSize = 0
  #reason = ''
  #closed = { [FROM_HOST.output]: false, [FROM_HOST.errorOutput]: false }
  #end: CallEnd | undefined

  constructor(call: Call, ssh: SshProcess, signals: CallerSignals) {
    this.#call = call
    this.#ssh = ssh
    this.#signals = signals
    this.#terminal = call.hasTerminal ? new CallerTerminal() : null
    if (!call.hasInput) ssh.input.push(frame(FROM_CALLER.endOfInput))
  }

  async untilEnd(): Promise<CallEnd> {
    for (;;) {
      await this.#signals.turn()
      this.#forwardSignals()
      this.#keepAlive()
      this.#exchange()
      this.#end ??= this.#endOfSsh() ?? this.#endOfPatience()
      if (this.#end !== undefined && this.#isShown()) return this.#end
    }
  }

  /** Restores the terminal. */
  close(): void {
    this.#terminal?.close()
    this.#ssh.input.end()
    if (this.#end?.kind !== 'ended') this.#ssh.kill()
  }

  #exchange(): void {
    const { input, output, errorOutput } = this.#ssh
    const isOpen = this.#end === undefined
    const hasRoom = this.#stdout.size < MOST_WAITING && this.#stderr.size < MOST_WAITING
    const ready = pollAny(
      [
        { fd: 0, read: isOpen && this.#readsInput() },
        { fd: 1, write: this.#stdout.size > 0 },
        { fd: 2, write: this.#stderr.size > 0 },
        { fd: input.fd, write: isOpen && input.size > 0 },
        { fd: output.fd, read: isOpen && hasRoom && !output.isOver },
        { fd: errorOutput.fd, read: isOpen && !errorOutput.isOver },
      ],
      TURN_MS,
    )
    if (ready === null) {
      this.#signals.note()
      return
    }
    const isReady = (fd: number, what: keyof Readiness) => ready.get(fd)?.[what] === true
    if (isReady(0, 'readable')) this.#sendInput()
    if (isReady(1, 'writable')) this.#write(this.#stdout, FROM_HOST.output)
    if (isReady(2, 'writable')) this.#write(this.#stderr, FROM_HOST.errorOutput)
    if (isReady(input.fd, 'writable')) input.write()
    if (isReady(errorOutput.fd, 'readable')) this.#noteReason()
    if (isReady(output.fd, 'readable')) this.#hear()
  }

  #readsInput(): boolean {
    if (!this.#call.hasInput || !this.#isStarted || this.#stdin.isOver || this.#window === 0) return false
    return this.#ssh.input.size < INPUT_PIECE_WAITING && CallerTerminal.mayRead()
  }

  #sendInput(): void {
    const bytes = this.#stdin.read(this.#window)
    if (bytes === 'later') return
    if (bytes === 'over') {
      // A terminal without other end: its window was closed.
      if (this.#terminal !== null) this.#signals.add(SIGHUP)
      this.#ssh.input.push(frame(FROM_CALLER.endOfInput))
      return
    }
    if (this.#terminal !== null && this.#isSilent() && bytes.includes(CTRL_C)) this.#end = { kind: 'lost' }
    this.#window -= bytes.length
    this.#ssh.input.push(frame(FROM_CALLER.input, bytes))
  }

  /** If nobody reads our output any longer, the host closes that of the command. */
  #write(outlet: Outlet, kind: typeof FROM_HOST.output | typeof FROM_HOST.errorOutput): void {
    outlet.write()
    if (!outlet.isBroken || this.#closed[kind]) return
    this.#closed[kind] = true
    this.#ssh.input.push(frame(FROM_CALLER.closed, utf8(kind)))
  }

  #noteReason(): void {
    const bytes = this.#ssh.errorOutput.read()
    if (typeof bytes !== 'string') this.#reason = (this.#reason + utf8Text(bytes)).slice(-MOST_REASON)
  }

  #hear(): void {
    const bytes = this.#ssh.output.read()
    if (typeof bytes === 'string') return
    this.#heardAt = steadyNow()
    try {
      for (const each of this.#frames.push(bytes)) this.#take(each)
    } catch (error) {
      if (!(error instanceof Error)) throw error
      this.#end = { kind: 'not-understood', reason: error.message }
    }
  }

  #take(taken: Frame): void {
    const { kind, content } = taken
    switch (kind) {
      case FROM_HOST.output:
      case FROM_HOST.errorOutput:
        if (this.#call.announcement !== undefined && !this.#isStarted) this.#hold(taken)
        else this.#show(taken)
        break
      case FROM_HOST.credit:
        this.#window += numberIn(content, 32, 0)
        return
      case FROM_HOST.granted:
        this.#start()
        break
      case FROM_HOST.end:
        this.#end = { kind: 'ended', end: endIn(recordIn(content)), isStarted: this.#isStarted }
        return
      case FROM_HOST.failure:
        this.#end = { kind: 'failed', failure: recordIn(content) }
    }
  }

  #hold(taken: Frame): void {
    if (taken.content.length === 0) return
    this.#heldSize += taken.content.length
    if (this.#heldSize > MOST_HELD) throw new Error('it prints too much before it has GPUs')
    this.#held.push(taken)
  }

  #show({ kind, content }: Frame): void {
    const outlet = kind === FROM_HOST.output ? this.#stdout : this.#stderr
    outlet.push(content)
  }

  #start(): void {
    this.#isStarted = true
    const { announcement } = this.#call
    if (announcement !== undefined) this.#stderr.push(utf8(announcement))
    for (const each of this.#held.splice(0)) this.#show(each)
    this.#ssh.input.push(frame(FROM_CALLER.go))
    this.#terminal?.takeOver()
    this.#sendSize()
  }

  #sendSize(): void {
    if (this.#terminal === null) return
    const { columns, rows } = this.#terminal.size
    this.#ssh.input.push(numbersFrame(FROM_CALLER.size, 16, [columns, rows]))
  }

  #forwardSignals(): void {
    const { signals, isResized, isContinued } = this.#signals.take()
    if (isContinued) this.#terminal?.takeOver()
    if (isResized || isContinued) this.#sendSize()
    for (const signal of signals) {
      const isTooLate = this.#isStarted
        ? this.#isSilent()
        : !this.#frames.isGreeted || this.#signals.isRepeated
      if (isTooLate) this.#end ??= this.#isStarted ? { kind: 'lost' } : { kind: 'interrupted' }
      this.#ssh.input.push(frame(FROM_CALLER.signal, new Uint8Array([signal])))
    }
  }

  #keepAlive(): void {
    const now = steadyNow()
    if (now < this.#pingAt) return
    this.#pingAt = now + PING_MS
    // Over a connection that is cut, the pings are not collected.
    if (this.#ssh.input.size < INPUT_PIECE_WAITING) this.#ssh.input.push(frame(FROM_CALLER.ping))
  }

  #isSilent = (): boolean => steadyNow() - this.#heardAt > SILENCE_MS

  #endOfSsh(): CallEnd | undefined {
    const end = this.#ssh.end()
    if (end === null || !this.#ssh.output.isOver) return undefined
    if (this.#isStarted) return { kind: 'lost' }
    const reason = reasonIn(this.#reason) ?? endWords(end)
    const isConnected = 'code' in end && end.code !== SSH_FAILED
    return { kind: isConnected && !this.#frames.isGreeted ? 'not-understood' : 'unreachable', reason }
  }

  #endOfPatience(): CallEnd | undefined {
    if (this.#isStarted) return undefined
    if (!this.#frames.isGreeted) {
      const isLate = steadyNow() - this.#began > GREETING_MS
      return isLate ? { kind: 'unreachable', reason: `no answer within ${GREETING_MS / 1000} s` } : undefined
    }
    return this.#isSilent()
      ? { kind: 'unreachable', reason: `no answer for ${SILENCE_MS / 1000} s` }
      : undefined
  }

  /** Whether all output is written. */
  #isShown = (): boolean => this.#stdout.size === 0 && this.#stderr.size === 0
}

const endWords = (end: End): string =>
  'code' in end ? `ssh ended with status ${end.code}` : `ssh was ended by signal ${end.signal}`

/** The exit status of `ssh` if it has no connection. */
const SSH_FAILED = 255
