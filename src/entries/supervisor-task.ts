import type { JobOutcome } from '../app/supervise.ts'
import type { ProcessIdentity, TimeLimit, UnitId } from '../domain/pool/model.ts'
import { gpuUnit } from '../domain/pool/units.ts'

/**
 * Everything a supervisor acts on, told by its launcher as one argument. It reads none of this from the pool,
 * which every user can write to. The launcher may be of an earlier version than the supervisor, so fields may
 * be added but never change their meaning.
 */
export interface SupervisorTask {
  readonly process: ProcessIdentity
  /** A descriptor of that process, inherited under this number; null if there are no pidfds. */
  readonly pidfd: number | null
  /** Where messages go (`messageDescriptor`). */
  readonly messages: number | null
  readonly units: readonly UnitId[]
  /** In steady time. */
  readonly limit: TimeLimit | null
  /** Where the launcher was started from: a newer version may be installed there later. */
  readonly program: string | null
  /** Of a command that has ended, if only its end is to be recorded: left by the supervisor of an earlier version. */
  readonly outcome?: JobOutcome
}

export const encodeTask = (task: SupervisorTask): string => JSON.stringify(task)

/** Null for what no launcher wrote. */
export function decodeTask(text: string | undefined): SupervisorTask | null {
  try {
    const task = withUnits(JSON.parse(text ?? 'null'))
    return isTask(task) ? task : null
  } catch {
    return null
  }
}

/** Launchers of earlier versions name the GPUs by their numbers, in `gpus`. */
function withUnits(task: unknown): unknown {
  if (!isObject(task) || !isNumbers(task.gpus)) return task
  const { gpus: _, ...others } = task
  return { units: task.gpus.map(gpuUnit), ...others }
}

const isNumbers = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every(Number.isSafeInteger)

const isTask = (task: unknown): task is SupervisorTask =>
  isObject(task) &&
  isProcess(task.process) &&
  [task.pidfd, task.messages].every((fd) => fd === null || Number.isSafeInteger(fd)) &&
  Array.isArray(task.units) &&
  task.units.every((unit) => typeof unit === 'string') &&
  (task.limit === null || isLimit(task.limit)) &&
  [undefined, 'exited', 'timed-out'].some((outcome) => task.outcome === outcome)

const isProcess = (value: unknown): boolean =>
  isObject(value) &&
  [value.pid, value.startTime].every(Number.isSafeInteger) &&
  [value.bootId, value.pidNamespace].every((each) => typeof each === 'string')

const isLimit = (value: unknown): boolean =>
  isObject(value) && [value.interruptAt, value.killAt].every(Number.isFinite)

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null
