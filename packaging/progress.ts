const WIDTH = 30

/** Shows which step runs: a bar on a terminal, elsewhere one line for each finished step. */
export class Progress {
  readonly #steps: number
  readonly #running = new Set<string>()
  #done = 0

  constructor(steps: number) {
    this.#steps = steps
  }

  async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.#running.add(name)
    this.#draw()
    const result = await work()
    this.#running.delete(name)
    this.#done++
    if (process.stderr.isTTY) this.#draw()
    else console.error(`${String(this.#done).padStart(2)}/${this.#steps} ${name}`)
    return result
  }

  #draw(): void {
    if (!process.stderr.isTTY) return
    const filled = Math.round((this.#done / this.#steps) * WIDTH)
    const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled)
    const line = `${bar} ${this.#done}/${this.#steps} ${[...this.#running].join(', ')}`
    process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`)
    if (this.#done === this.#steps) process.stderr.write('\n')
  }
}
