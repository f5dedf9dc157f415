import { chmodSync, copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { connectToDaemon } from '../src/adapters/daemon/connect.ts'
import { ConnectionFailed, type DaemonConnection } from '../src/ports/daemon-connection.ts'
import { startAbuser } from '../test/support/abuse/start.ts'
import { type BenchPool, fakePool } from './pool.ts'
import { abusersProcessor, preferSession } from './processors.ts'
import { timeProgram } from './programs.ts'
import type { Bench } from './row.ts'

const GPUS = 8
/** No account of the machine has these numbers. */
const FIRST_UID = 64_100
/** Other programs must not keep the abusers from their work. */
const ABUSERS_PRIORITY = -10
const UNDER_WAY_WITHIN_MS = 10_000
const GREETING = '{"protocol":1}'
const STATUS = '{"n":1,"ask":"view","view":"status","caller":{"threshold":null,"probeTimeout":10000}}'

export interface Attack {
  /** A name in test/support/abuse. */
  readonly abuse: string
  readonly accounts: number
}

interface Answered {
  /** From the connection to the answer, milliseconds. */
  readonly ms: number
  /** Processor time of all threads of the daemon meanwhile. Other programs hardly change it. */
  readonly workMs: number
}

/** A daemon that other accounts attack, while root uses it. */
export class AbusedDaemon implements AsyncDisposable {
  readonly #pool: BenchPool
  readonly #folder: string
  readonly #executable: string
  readonly #idleMb: number
  readonly #abusers = new AsyncDisposableStack()

  static async start({ canhazgpu, folder }: Pick<Bench, 'canhazgpu' | 'folder'>): Promise<AbusedDaemon> {
    for (let each = folder; each.includes('canhazgpu-bench-'); each = dirname(each)) chmodSync(each, 0o755)
    const executable = join(folder, 'canhazgpu')
    copyFileSync(canhazgpu, executable)
    const pool = await fakePool({ canhazgpu: executable, folder }, GPUS, 'daemon')
    timeProgram([executable, 'reserve', '--gpus', String(GPUS)], pool.env)
    return new AbusedDaemon(pool, folder, executable)
  }

  private constructor(pool: BenchPool, folder: string, executable: string) {
    this.#pool = pool
    this.#folder = folder
    this.#executable = executable
    this.#idleMb = this.#mostResidentMb
  }

  /** Resolves when the attack is under way, or the daemon is too slow for that. */
  async attack({ abuse, accounts }: Attack): Promise<void> {
    const started = Array.from({ length: accounts }, (_, at) => this.#startAbuser(FIRST_UID + at, abuse))
    await Promise.race([Promise.all(started), Bun.sleep(UNDER_WAY_WITHIN_MS)])
  }

  async #startAbuser(uid: number, abuse: string): Promise<void> {
    const abuser = startAbuser({
      ...{ uid, abuse, executable: this.#executable, folder: this.#folder, socket: this.#socket },
      ...(abusersProcessor === undefined ? {} : { processors: abusersProcessor }),
    })
    this.#abusers.use(abuser)
    preferSession(abuser.pid, ABUSERS_PRIORITY)
    await abuser.facts
  }

  /** Milliseconds. */
  status(): number {
    return timeProgram([this.#executable, 'status'], this.#pool.env)
  }

  async ask(): Promise<Answered> {
    const workBefore = this.#workMs()
    const before = Bun.nanoseconds()
    await this.#answer()
    const ms = (Bun.nanoseconds() - before) / 1e6
    return { ms, workMs: this.#workMs() - workBefore }
  }

  async #answer(): Promise<void> {
    const connection = await this.#connection()
    connection.send(GREETING, STATUS)
    for (let lines = 0; lines < 2; lines++) {
      const line = connection.receiveSoon() ?? (await connection.receive())
      if (line === null || line.includes('"error"')) throw new Error(`the daemon refused: ${line}`)
    }
    connection.close()
  }

  /** While the backlog of the socket is full, a command tries again too. */
  async #connection(): Promise<DaemonConnection> {
    for (;;) {
      try {
        return await connectToDaemon(this.#socket, true)
      } catch (error) {
        if (!(error instanceof ConnectionFailed)) throw error
      }
    }
  }

  get megabytesAboveIdle(): number {
    return this.#mostResidentMb - this.#idleMb
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#abusers.disposeAsync()
    this.#pool[Symbol.dispose]()
  }

  get #mostResidentMb(): number {
    const status = readFileSync(`/proc/${this.#pid}/status`, 'utf8')
    return Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024
  }

  /** The first field is nanoseconds (proc_pid_schedstat). */
  #workMs(): number {
    const tasks = `/proc/${this.#pid}/task`
    const spent = readdirSync(tasks).map((task) => readFileSync(`${tasks}/${task}/schedstat`, 'utf8'))
    return spent.reduce((sum, each) => sum + Number(each.split(' ')[0]), 0) / 1e6
  }

  get #pid(): number {
    return this.#pool.daemon?.pid ?? 0
  }

  get #socket(): string {
    return join(this.#folder, 'daemon.sock')
  }
}
