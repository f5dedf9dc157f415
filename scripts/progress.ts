import { ERASE_LINE, liveLine } from '../src/views/words/live-line.ts'
import { progressBar } from '../src/views/words/progress-bar.ts'

const DRAW_EVERY_MS = 500

/** Shows which step runs: a bar on a terminal, elsewhere one line for each finished step. */
export class Progress {
  readonly #steps: number
  readonly #running = new Set<string>()
  #done = 0
  /** The part of a running step whose duration is known. */
  #part = 0

  constructor(steps: number) {
    this.#steps = steps
  }

  /** `lasts`: the duration of the work, ms, if it is known; the bar moves meanwhile. */
  async step<T>(name: string, work: () => Promise<T>, lasts?: number): Promise<T> {
    this.#running.add(name)
    this.#draw()
    const ticking = lasts === undefined ? undefined : this.#tick(lasts)
    const result = await work().finally(() => clearInterval(ticking))
    this.#part = 0
    this.#running.delete(name)
    this.#done++
    if (process.stderr.isTTY) this.#draw()
    else console.error(`${String(this.#done).padStart(2)}/${this.#steps} ${name}`)
    return result
  }

  /** Prints lines, above the bar. */
  print(...lines: readonly string[]): void {
    if (process.stderr.isTTY && this.#done < this.#steps) process.stderr.write(ERASE_LINE)
    for (const line of lines) console.log(line)
    if (this.#done < this.#steps) this.#draw()
  }

  #tick(lasts: number): NodeJS.Timeout {
    const started = performance.now()
    const ticking = setInterval(() => {
      this.#part = Math.min(1, (performance.now() - started) / lasts)
      this.#draw()
    }, DRAW_EVERY_MS)
    return ticking.unref()
  }

  #draw(): void {
    if (!process.stderr.isTTY) return
    const bar = progressBar((this.#done + this.#part) / this.#steps)
    const line = `${bar} ${this.#done}/${this.#steps} ${[...this.#running].join(', ')}`
    process.stderr.write(liveLine(line, process.stderr.columns || 80))
    if (this.#done === this.#steps) process.stderr.write('\n')
  }
}
