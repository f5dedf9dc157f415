import { closeSync, openSync, writeSync } from 'node:fs'

/** A moment in ms: by the time since boot, which nobody can set, and by the wall clock, which the store uses. */
export interface Stamp {
  readonly steady: number
  readonly wall: number
}

export type Verb = 'run' | 'reserve' | 'release' | 'status' | 'queue' | 'report'

/** What a command is to do. */
export interface CommandRequest {
  readonly verb: Verb
  readonly user: string
  readonly uid: number
  readonly argv: readonly string[]
  /** `run` and `reserve`: how many GPUs, or which; `release`: which, where not all. */
  readonly gpus?: number | readonly number[]
  /** How long it waits in the queue, ms; null: without a limit. Absent: it does not wait. */
  readonly patience?: number | null
  /** The longest time for which it holds its GPUs, ms. Absent: no limit. */
  readonly holds?: number
}

/** The phase in which a command was killed or stopped. `transaction`: while it had the store's write lock. */
export type Phase = 'starting' | 'waiting' | 'running' | 'supervisor' | 'transaction'

/** What the runner did and saw, in this order, one line for each. */
export type Entry =
  | { event: 'opened'; at: Stamp; seed: number; gpus: number; users: readonly string[] }
  /** Written before the start. The id is also the note of its reservation and of its queue entry. */
  | { event: 'started'; at: Stamp; command: string; request: CommandRequest }
  /** A line of its stderr was read. */
  | { event: 'printed'; at: Stamp; command: string; line: string }
  /** `at`: before the signal was sent. */
  | { event: 'signalled'; at: Stamp; command: string; phase: Phase; pid: number; signal: string }
  /** Written after waitpid(2), and after all its output was read. */
  | {
      event: 'ended'
      at: Stamp
      command: string
      status: number | null
      signal: string | null
      stdout: string
    }
  /** These did not end although nothing blocked them any more. */
  | { event: 'stuck'; at: Stamp; commands: readonly string[] }
  /** Supervisors that were left at the end. */
  | { event: 'remained'; at: Stamp; pids: readonly number[] }

/** A line that a job appends to its own log (job.c). */
export interface JobEntry {
  readonly event: 'took' | 'clashed' | 'interrupted' | 'gave'
  /** `clashed`: the GPU that another job has; `gave`: its exit status. */
  readonly number: number
  readonly at: Stamp
  readonly pid: number
  readonly uid: number
  /** `CUDA_VISIBLE_DEVICES`. */
  readonly gpus: string
  readonly reservation: string
}

/** The files of a round. */
export const paths = (folder: string) => ({
  log: `${folder}/log/commands.jsonl`,
  jobs: `${folder}/log/jobs`,
  locks: `${folder}/locks`,
  database: `${folder}/pool/pool.db`,
})

export interface Log {
  write(entry: Entry): void
  close(): void
}

/** Each line is written before the next action. */
export function openLog(path: string): Log {
  const file = openSync(path, 'a')
  return {
    write: (entry) => void writeSync(file, `${JSON.stringify(entry)}\n`),
    close: () => closeSync(file),
  }
}
