import type { JobOutcome } from '../app/supervise.ts'
import type { ProcessIdentity, TimeLimit, UnitId } from '../domain/pool/model.ts'
import { gpuUnit } from '../domain/pool/units.ts'

/**
 * All inputs of a supervisor. Its launcher passes them as one argument, and not in the pool, because every user can write
 * to the pool. The launcher may be an earlier version than the supervisor, so fields may be added but never change their
 * meaning.
 */
export interface SupervisorTask {
  readonly process: ProcessIdentity
  /** Descriptor number of the inherited pidfd of that process; null if the kernel has no pidfds. */
  readonly pidfd: number | null
  /** The descriptor for messages (`messageDescriptor`). */
  readonly messages: number | null
  readonly units: readonly UnitId[]
  /** In steady time. */
  readonly limit: TimeLimit | null
  /** The launcher's path: a newer version may be installed there later. */
  readonly program: string | null
  /** The account of the job, if root starts the supervisor. */
  readonly account?: { readonly uid: number; readonly gid: number }
  /** Present if this host has a notice board, with the path of `--config`. */
  readonly publishes?: { readonly config: string | null }
  /** How the command ended. Present if only the end must still be recorded. */
  readonly outcome?: JobOutcome
}

export const encodeTask = (task: SupervisorTask): string => JSON.stringify(task)

/** Null for a text that no launcher wrote. */
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
  (task.account === undefined || isAccount(task.account)) &&
  (task.publishes === undefined || isPublishing(task.publishes)) &&
  [undefined, 'exited', 'timed-out'].some((outcome) => task.outcome === outcome)

const isProcess = (value: unknown): boolean =>
  isObject(value) &&
  [value.pid, value.startTime].every(Number.isSafeInteger) &&
  [value.bootId, value.pidNamespace].every((each) => typeof each === 'string')

const isAccount = (value: unknown): boolean =>
  isObject(value) && [value.uid, value.gid].every(Number.isSafeInteger)

const isPublishing = (value: unknown): boolean =>
  isObject(value) && (value.config === null || typeof value.config === 'string')

const isLimit = (value: unknown): boolean =>
  isObject(value) && [value.interruptAt, value.killAt].every(Number.isFinite)

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null
