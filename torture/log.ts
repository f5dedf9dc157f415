import { closeSync, openSync, writeSync } from 'node:fs'

/** A moment in ms: by the time since boot, which nobody can set, and by the wall clock, which the store uses. */
export interface Stamp {
  readonly steady: number
  readonly wall: number
}

/** `book`: `reserve --at`; `cancel`: `release` of a booking by its id. */
export type Verb =
  | ('run' | 'reserve' | 'release' | 'status' | 'queue' | 'report')
  | ('book' | 'cancel' | 'drain' | 'restore' | 'policy')

/** A command line, and what it asks for. */
export interface CommandRequest {
  readonly verb: Verb
  readonly user: string
  readonly uid: number
  readonly argv: readonly string[]
  /** `run`, `reserve` and `book`: the number of GPUs, or their numbers; others: their numbers. Absent: all. */
  readonly gpus?: number | readonly number[]
  /** The longest time in the queue, ms; null: without a limit. Absent: it does not wait. */
  readonly waitLimit?: number | null
  /** The longest time for which it holds its GPUs, ms. Absent: without a limit. */
  readonly holdLimit?: number
  /** `cancel`: the id of the booking. */
  readonly booking?: string
}

/** The phase in which a command was killed or stopped. `transaction`: while it had the store's write lock. */
export type Phase = 'starting' | 'waiting' | 'running' | 'supervisor' | 'transaction'

/** What was done to the daemon. `replaced`: it was ended by SIGTERM, and another build started. */
export type DaemonFault = 'killed' | 'killed-in-transaction' | 'replaced' | 'stopped' | 'continued'

/** The actions and observations of the runner, in this order, one line for each. */
export type Entry =
  /** `administrator`: the uid of the account that drains GPUs and sets rules; `unusedAfter`: of bookings, ms. */
  | {
      event: 'opened'
      at: Stamp
      seed: number
      gpus: number
      users: readonly string[]
      administrator: number
      unusedAfter: number
    }
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
  /** How long `true` took, until now: on an overloaded machine far longer than usual. */
  | { event: 'measured'; at: Stamp; ms: number }
  /** These commands did not end although nothing blocked them any more. */
  | { event: 'stuck'; at: Stamp; commands: readonly string[] }
  /** `at`: before the signal was sent, or after the new daemon was seen to listen. */
  | { event: 'daemon'; at: Stamp; what: DaemonFault | 'listens'; pid: number }
  /** Processes of canhazgpu that still ran at the end. */
  | { event: 'remained'; at: Stamp; pids: readonly number[] }

/** A line that a job appends to its own log (job.c). */
export interface JobEntry {
  readonly event: 'started' | 'lock-held' | 'interrupted' | 'finished'
  /** `lock-held`: the GPU whose lock another job holds; `finished`: the exit status of the job. */
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
})

export interface Log {
  write(entry: Entry): void
  close(): void
}

/** The log writes each line before the next action. */
export function openLog(path: string): Log {
  const file = openSync(path, 'a')
  return {
    write: (entry) => void writeSync(file, `${JSON.stringify(entry)}\n`),
    close: () => closeSync(file),
  }
}
