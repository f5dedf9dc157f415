import type { Child } from '../test/support/pool.ts'
import { kill } from '../test/support/processes.ts'
import { stamp } from './clock.ts'
import type { Ask, Log, Phase } from './log.ts'
import type { Player } from './stage.ts'

/** One command on its way from its start to its end, everything of it logged. */
export class Performance {
  readonly command: string
  readonly ask: Ask
  readonly pid: number
  /** It stands in line; undefined where it ended without. */
  readonly waiting: Promise<unknown>
  /** It told what it was granted; undefined where it ended without. */
  readonly granted: Promise<Grant | undefined>
  /** Its end was seen and logged. */
  readonly ended: Promise<void>
  readonly #log: Log
  readonly #child: Child
  #phase: Phase = 'starting'
  #isOver = false

  constructor(log: Log, { command, ask, player }: { command: string; ask: Ask; player: Player }) {
    this.command = command
    this.ask = ask
    this.#log = log
    log.tell({ event: 'asked', at: stamp(), command, ask })
    this.#child = player.start(...ask.argv)
    this.pid = this.#child.pid
    const waiting = Promise.withResolvers<unknown>()
    const granted = Promise.withResolvers<Grant | undefined>()
    this.waiting = waiting.promise
    this.granted = granted.promise
    this.ended = this.#listen({
      waiting: () => {
        this.#phase = 'waiting'
        waiting.resolve(true)
      },
      granted: (grant) => {
        this.#phase = 'running'
        granted.resolve(grant)
      },
    }).finally(() => {
      waiting.resolve(undefined)
      granted.resolve(undefined)
    })
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Does nothing to what has ended: its pid may be another's by now. */
  signal(signal: NodeJS.Signals, phase: Phase = this.#phase): void {
    if (this.#isOver || this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.logSignal(this.pid, { signal, phase })
    kill(this.pid, signal)
  }

  /** To be called before a process that belongs to this command is sent a signal. */
  logSignal(pid: number, { signal, phase }: { signal: NodeJS.Signals; phase: Phase }): void {
    this.#log.tell({ event: 'signalled', at: stamp(), command: this.command, phase, pid, signal })
  }

  async #listen(on: { waiting: () => void; granted: (grant: Grant) => void }): Promise<void> {
    const child = this.#child
    const output = new Response(child.stdout).text()
    for await (const line of lines(child.stderr)) {
      this.#log.tell({ event: 'said', at: stamp(), command: this.command, line })
      if (line.startsWith('{"waiting"')) on.waiting()
      if (line.startsWith('{"reservation"')) on.granted(JSON.parse(line))
    }
    const stdout = await output
    await child.exited
    this.#isOver = true
    // Where there was a signal an exit code is told as well.
    const signal = child.signalCode
    const status = signal === null ? child.exitCode : null
    this.#log.tell({
      event: 'ended',
      at: stamp(),
      command: this.command,
      status,
      signal: signal === null ? null : String(signal),
      stdout,
    })
    if (this.ask.verb === 'reserve' && status === 0) on.granted(JSON.parse(stdout))
  }
}

export interface Grant {
  readonly reservation: string
}

/** Whole lines; what a killed writer left unfinished is a line too. */
async function* lines(stream: ReadableStream<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of stream) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = parts.pop() ?? ''
    yield* parts
  }
  if (rest !== '') yield rest
}
