import { type Environment, MAX_OUTPUT_BYTES, printedTooMuch, startProgram } from '../run-program.ts'
import { answerIn, answerOf, type NvmlAnswer, parseAnswer } from './nvml-answer.ts'

/** Enough for the message of a child that fails. */
const MAX_STDERR_LENGTH = 16 * 1024

/** A child process that keeps NVML open. */
export class KeptChild {
  readonly #program: string
  readonly #process: ReturnType<typeof startProgram<'pipe'>>
  readonly #stdout: ReadableStreamDefaultReader<Uint8Array>
  readonly #stderr: ReadableStreamDefaultReader<Uint8Array>
  #stderrText = ''
  #isAsked = false
  #answers = 0

  /** Throws `driver-failed` if it cannot be started. */
  constructor(command: readonly string[], env: Environment) {
    this.#program = command[0] ?? ''
    this.#process = startProgram(command, { env, stdin: 'pipe' })
    this.#stdout = this.#process.stdout.getReader()
    this.#stderr = this.#process.stderr.getReader()
    // Without this, a child that is idle or hangs would keep this process from ending.
    this.#process.unref()
    this.#readErrors().catch(() => {})
  }

  get hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null
  }

  /** The number of answers so far. */
  get answers(): number {
    return this.#answers
  }

  /** The next answer; one call at a time. Throws `driver-failed`. May wait for ever: call `end` at the deadline. */
  async ask(): Promise<NvmlAnswer> {
    if (this.#isAsked) throw new Error('this child is already asked')
    this.#isAsked = true
    this.#stderrText = ''
    this.#request()
    const answer = await this.#answer()
    this.#isAsked = false
    this.#answers++
    return answer
  }

  /** Kills the process. Resolves when it has ended, which may be never. */
  async end(): Promise<void> {
    try {
      this.#process.kill('SIGKILL')
      Promise.resolve(this.#process.stdin.end()).catch(() => {})
    } catch {
      // It has ended already.
    }
    for (const reader of [this.#stdout, this.#stderr]) reader.cancel().catch(() => {})
    await this.#process.exited
  }

  /** A child that has ended cannot be written to. The end of its output shows the reason. */
  #request(): void {
    try {
      const { stdin } = this.#process
      for (const written of [stdin.write('\n'), stdin.flush()]) Promise.resolve(written).catch(() => {})
    } catch {
      // See above.
    }
  }

  async #answer(): Promise<NvmlAnswer> {
    const decoder = new TextDecoder()
    for (let text = ''; ; ) {
      const { done, value } = await this.#stdout.read()
      if (done) return answerOf(await this.#outcome(text))
      text += decoder.decode(value, { stream: true })
      const answer = answerIn(text)
      if (answer !== undefined) return parseAnswer(answer)
      if (text.length > MAX_OUTPUT_BYTES) throw printedTooMuch(this.#program)
    }
  }

  async #outcome(stdout: string) {
    await this.#process.exited
    const { exitCode, signalCode } = this.#process
    const signal = signalCode === null ? null : String(signalCode)
    return { stdout, stderr: this.#stderrText, exitCode, signal }
  }

  /** Keeps the beginning. Reads the rest too, so that the child never blocks on a full pipe. */
  async #readErrors(): Promise<void> {
    const decoder = new TextDecoder()
    for (;;) {
      const { done, value } = await this.#stderr.read()
      if (done) return
      if (this.#stderrText.length < MAX_STDERR_LENGTH)
        this.#stderrText += decoder.decode(value, { stream: true })
    }
  }
}
