import { closeSync, openSync, writeSync } from 'node:fs'

/** A moment in ms: by the time since boot, which no one can set, and by the wall clock, which the store goes by. */
export interface Stamp {
  readonly steady: number
  readonly wall: number
}

export type Verb = 'run' | 'reserve' | 'release' | 'status' | 'queue' | 'report'

/** What a command was asked for. */
export interface Ask {
  readonly verb: Verb
  readonly user: string
  readonly uid: number
  readonly argv: readonly string[]
  /** `run` and `reserve`: how many GPUs, or which; `release`: which, where not all. */
  readonly gpus?: number | readonly number[]
  /** How long it waits in line, ms; null: endlessly. Absent: it does not. */
  readonly patience?: number | null
  /** For how long it holds its GPUs at most, ms. Absent: as long as it likes. */
  readonly holds?: number
}

/** When in its life a command was killed or stopped. `transaction`: while it had the store's write lock. */
export type Phase = 'starting' | 'waiting' | 'running' | 'supervisor' | 'transaction'

/** What whoever plays did and saw, a line each, in the order in which it was done and seen. */
export type Entry =
  | { event: 'opened'; at: Stamp; seed: number; gpus: number; users: readonly string[] }
  /** About to be started. The id is also the note of its reservation and of its place in line. */
  | { event: 'asked'; at: Stamp; command: string; ask: Ask }
  /** A line of its stderr was read. */
  | { event: 'said'; at: Stamp; command: string; line: string }
  /** `at`: before the signal was sent. */
  | { event: 'signalled'; at: Stamp; command: string; phase: Phase; pid: number; signal: string }
  /** Its end was seen, by waitpid(2), and all that it wrote was read. */
  | {
      event: 'ended'
      at: Stamp
      command: string
      status: number | null
      signal: string | null
      stdout: string
    }
  /** These did not end though nothing was in their way any more. */
  | { event: 'stuck'; at: Stamp; commands: readonly string[] }
  /** Supervisors that were still there when everything was over. */
  | { event: 'remained'; at: Stamp; pids: readonly number[] }

/** What a job appends to its own log (job.c). */
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

/** Where everything of a play lies. */
export const places = (folder: string) => ({
  log: `${folder}/log/play.jsonl`,
  jobs: `${folder}/log/jobs`,
  locks: `${folder}/locks`,
  database: `${folder}/pool/pool.db`,
})

export interface Log {
  tell(entry: Entry): void
  close(): void
}

/** Each line is on its way to the disk before the next thing is done. */
export function openLog(path: string): Log {
  const file = openSync(path, 'a')
  return {
    tell: (entry) => void writeSync(file, `${JSON.stringify(entry)}\n`),
    close: () => closeSync(file),
  }
}
