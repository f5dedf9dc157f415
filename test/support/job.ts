import { readlinkSync } from 'node:fs'
import type { Reservation } from '../../src/domain/pool/model.ts'
import { storedPool } from './database.ts'
import { inDaemonMode } from './needs.ts'
import type { Child, TestPool } from './pool.ts'
import { isWatching, supervisorsOf } from './processes.ts'
import { until } from './until.ts'

/** Path of one of the stubborn children in `test/support/children`. */
export const child = (name: string): string => new URL(`children/${name}`, import.meta.url).pathname

/** A `run` whose command has printed its first line: GPUs granted, supervisor started, command executing. */
export interface Job {
  readonly process: Child
  /** The pid of `run`, which becomes the command. */
  readonly pid: number
  /** The first output of the command. */
  readonly firstLine: string
  /** The rest of the command's stdout; ends when no process holds it open. */
  rest(): Promise<string>
}

export async function startJob(pool: TestPool, options: string[], ...command: string[]): Promise<Job> {
  const process = pool.start('run', ...options, '--', ...command)
  const reader = process.stdout.getReader()
  const decoder = new TextDecoder()
  let text = ''
  while (!text.includes('\n')) {
    const { value, done } = await reader.read()
    if (done) throw new Error(`the job printed nothing: ${await new Response(process.stderr).text()}`)
    text += decoder.decode(value, { stream: true })
  }
  return {
    process,
    pid: process.pid,
    firstLine: text.slice(0, text.indexOf('\n')),
    async rest() {
      let rest = text.slice(text.indexOf('\n') + 1)
      for (;;) {
        const { value, done } = await reader.read()
        if (done) return rest
        rest += decoder.decode(value, { stream: true })
      }
    },
  }
}

/** A job that runs until it is killed. */
export const startForever = (pool: TestPool, ...options: string[]): Promise<Job> =>
  startJob(pool, options, child('forever'))

/** Waits until the run would be told about the loss of its reservation: its supervisor or the daemon watches it. */
export async function untilWatched(pool: TestPool): Promise<void> {
  if (inDaemonMode) await until('the command runs', () => storedPool(pool).reservations.some(isCommand))
  else await until('the supervisor watches', () => supervisorsOf(pool).some(isWatching))
}

/** Whether `run` has become its command. */
function isCommand({ term }: Reservation): boolean {
  if (term.kind !== 'run') return false
  return !readlinkSync(`/proc/${term.process.pid}/exe`).endsWith('/canhazgpu')
}

/** The whole stderr of a `run` with a time limit on GPU 0: the grant, and one line about the limit. */
export const STARTED_WITH_LIMIT =
  /^Reserved 1 GPU\(s\): \[0\] for command execution\n[^\n]*SIGINT after [^\n]+\n$/

/** Waits until no GPU is held. */
export async function untilAllFree(pool: TestPool): Promise<void> {
  await until('all GPUs are free', async () =>
    (await pool.status()).every((gpu) => gpu.status === 'AVAILABLE'),
  )
}
