import type { Child } from '../test/support/pool.ts'
import { kill } from '../test/support/processes.ts'
import { stamp } from './clock.ts'
import type { CommandRequest, Log, Phase } from './log.ts'
import type { User } from './setup.ts'

/** One command from its start to its end. Writes its output, signals and end to the log. */
export class RunningCommand {
  readonly command: string
  readonly request: CommandRequest
  readonly pid: number
  /** Resolves when the command is in the queue; resolves with undefined if it ends before. */
  readonly waiting: Promise<unknown>
  /** Resolves with its grant or booking; resolves with undefined if it ends without one. */
  readonly granted: Promise<Grant | undefined>
  /** Resolves when its end is in the log. */
  readonly ended: Promise<void>
  readonly #log: Log
  readonly #child: Child
  #phase: Phase = 'starting'
  #isOver = false
  #status: number | null = null

  constructor(
    log: Log,
    { command, request, user }: { command: string; request: CommandRequest; user: User },
  ) {
    this.command = command
    this.request = request
    this.#log = log
    log.write({ event: 'started', at: stamp(), command, request })
    this.#child = user.start(...request.argv)
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

  /** Its exit status; null before its end, and after a signal. */
  get status(): number | null {
    return this.#status
  }

  /** Does nothing after the end of the command: another process may have its pid. */
  signal(signal: NodeJS.Signals, phase: Phase = this.#phase): void {
    if (this.#isOver || this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.logSignal(this.pid, { signal, phase })
    kill(this.pid, signal)
  }

  /** Must be called before a signal is sent to a process of this command. */
  logSignal(pid: number, { signal, phase }: { signal: NodeJS.Signals; phase: Phase }): void {
    this.#log.write({ event: 'signalled', at: stamp(), command: this.command, phase, pid, signal })
  }

  async #listen(on: { waiting: () => void; granted: (grant: Grant) => void }): Promise<void> {
    const child = this.#child
    const output = new Response(child.stdout).text()
    for await (const line of lines(child.stderr)) {
      this.#log.write({ event: 'printed', at: stamp(), command: this.command, line })
      if (line.startsWith('{"waiting"')) on.waiting()
      if (line.startsWith('{"reservation"')) on.granted(JSON.parse(line))
    }
    const stdout = await output
    await child.exited
    this.#isOver = true
    // Bun reports an exit code even after a signal.
    const signal = child.signalCode
    const status = signal === null ? child.exitCode : null
    this.#log.write({
      event: 'ended',
      at: stamp(),
      command: this.command,
      status,
      signal: signal === null ? null : String(signal),
      stdout,
    })
    this.#status = status
    if (status !== 0) return
    if (this.request.verb === 'reserve') on.granted(JSON.parse(stdout))
    if (this.request.verb === 'book') on.granted({ reservation: JSON.parse(stdout).booking })
  }
}

/** A grant, or a booking, which is a reservation from its begin on. */
export interface Grant {
  readonly reservation: string
}

/** Whole lines. An unfinished line of a killed process counts as a line. */
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
