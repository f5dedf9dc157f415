import { mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { fakePool, inMode, type Mode, modeWords } from '../pool.ts'
import { type Environment, timeProgram } from '../programs.ts'
import type { Bench, Row } from '../row.ts'
import { quantile, summaryOf } from '../samples.ts'

const WAITERS = 100
const BUDGET_MS = { embedded: 40, daemon: 15 } as const

/** The time from the signal that ends a command to the moment at which the next command reports its start. */
export const handOff = (mode: Mode): Row => ({
  name: inMode('hand-off', mode),
  what: `one GPU, ${WAITERS} waiting: from the end of a command to the start of the next${modeWords(mode)} (p99, budget ${BUDGET_MS[mode]} ms)`,
  async measure(bench) {
    using pool = await fakePool(bench, 1, mode)
    const queue = await Queue.of(bench, pool.env)
    const floor: number[] = []
    const times: number[] = []
    for (let place = 0; place < WAITERS; place++) {
      floor.push(timeProgram([bench.floor.program], queue.env))
      times.push(await queue.handOver())
    }
    await queue.end()
    const sorted = times.toSorted((a, b) => a - b)
    const [p50, p99] = [quantile(sorted, 0.5), quantile(sorted, 0.99)]
    const empty = summaryOf(floor).median
    return {
      value: `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, max ${sorted.at(-1)?.toFixed(1)} ms`,
      comparedWith: `empty program ${empty.toFixed(2)} ms: p50 is ${(p50 / empty).toFixed(1)} times as long, p99 ${(p99 / empty).toFixed(1)} times`,
      ratio: p99 / BUDGET_MS[mode],
      budget: 1,
      broken: queue.servedInOrder ? [] : ['not served in queue order'],
      details: { p50, p99, empty },
    }
  },
})

/** Commands that wait for one GPU. Each reports its start, and ends on a signal through its FIFO. */
class Queue {
  readonly env: Environment
  readonly #folder: string
  readonly #started: ReadableStreamDefaultReader<Uint8Array>
  readonly #waiters: Bun.Subprocess[] = []
  readonly #served: number[] = []
  #text = ''

  static async of({ canhazgpu, folder }: Bench, env: Environment): Promise<Queue> {
    const fifos = join(folder, 'fifos')
    mkdirSync(fifos)
    timeProgram(['mkfifo', join(fifos, 'started')], env)
    const started = Bun.spawn(['sh', '-c', 'exec cat <> started'], { cwd: fifos, stdout: 'pipe' })
    const queue = new Queue(env, fifos, started.stdout.getReader())
    queue.#waiters.push(started)
    for (let id = 0; id <= WAITERS; id++) await queue.#join(canhazgpu, id)
    await queue.#nextStart()
    return queue
  }

  private constructor(env: Environment, folder: string, started: ReadableStreamDefaultReader<Uint8Array>) {
    this.env = env
    this.#folder = folder
    this.#started = started
  }

  /** Ends the running command; returns the milliseconds until the next one has started. */
  async handOver(): Promise<number> {
    const running = this.#served.at(-1)
    const before = Bun.nanoseconds()
    this.#requestEnd(running)
    await this.#nextStart()
    return (Bun.nanoseconds() - before) / 1e6
  }

  get servedInOrder(): boolean {
    return this.#served.every((id, place) => id === place)
  }

  async end(): Promise<void> {
    this.#requestEnd(this.#served.at(-1))
    const [cat, ...waiters] = this.#waiters
    await Promise.all(waiters.map((waiter) => waiter.exited))
    cat?.kill()
  }

  /** A FIFO that is open for reading and writing needs no reader, and keeps its data. */
  #requestEnd(id: number | undefined): void {
    writeSync(openSync(join(this.#folder, `end-${id}`), 'r+'), 'now\n')
  }

  /** Waits until the command has started or is in the queue, so that the next one is behind it. */
  async #join(canhazgpu: string, id: number): Promise<void> {
    timeProgram(['mkfifo', join(this.#folder, `end-${id}`)], this.env)
    const job = `echo ${id} > started; read now < end-${id}`
    const waiter = Bun.spawn([canhazgpu, 'run', '--wait', '--', 'sh', '-c', job], {
      cwd: this.#folder,
      env: { ...this.env },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#waiters.push(waiter)
    await waiter.stderr.getReader().read()
  }

  async #nextStart(): Promise<void> {
    while (!this.#text.includes('\n')) {
      const { value } = await this.#started.read()
      this.#text += new TextDecoder().decode(value)
    }
    const [id, ...rest] = this.#text.split('\n')
    this.#text = rest.join('\n')
    this.#served.push(Number(id))
  }
}
