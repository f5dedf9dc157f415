import { driverFailed, failureText, notUnderstood } from '../driver-errors.ts'
import type { ReportedGpu, ReportedProcess } from '../reading.ts'
import type { ProgramOutput } from '../run-program.ts'

/** The name by which the dynamic loader finds NVML. */
export const STANDARD_LIBRARY = 'libnvidia-ml.so.1'

/** The child process's answer to its parent, as one line of JSON. */
export type NvmlAnswer =
  | { readonly kind: 'gpus'; readonly gpus: readonly ReportedGpu[] }
  | { readonly kind: 'missing'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }

/** Whether the answer is complete; its last character is a line break. */
export function isAnswer(stdout: string): boolean {
  return /\n\{"kind":.*\}\n$/.test(stdout)
}

/** The first complete answer in a text that has no end yet; undefined if there is none. */
export const answerIn = (text: string): string | undefined => /\n(\{"kind":.*\})\n/.exec(text)?.[1]

/** The answer of a child that has ended. Throws `driver-failed`. */
export function answerOf(output: ProgramOutput): NvmlAnswer {
  if (output.signal !== null) throw driverFailed('NVML', `crashed (${output.signal})`)
  if (output.exitCode !== 0) throw driverFailed('NVML', failureText(output))
  return parseAnswer(output.stdout)
}

/** The answer in the last line. The library may have printed lines before it. Throws `driver-failed` if there is none. */
export function parseAnswer(stdout: string): NvmlAnswer {
  const line = stdout.trimEnd().split('\n').at(-1) ?? ''
  try {
    const answer: unknown = JSON.parse(line)
    if (isNvmlAnswer(answer)) return answer
  } catch {
    // The line is cut off, or it is not an answer.
  }
  throw notUnderstood('NVML', stdout)
}

/**
 * Checks the value although this program wrote it, because the library may print to the same stream. Does not use
 * valibot, which loads slowly.
 */
function isNvmlAnswer(value: unknown): value is NvmlAnswer {
  if (!isObject(value)) return false
  if (value.kind === 'gpus') return isListOf(value.gpus, isGpu)
  return (value.kind === 'missing' || value.kind === 'failed') && isText(value.reason)
}

function isGpu(value: unknown): value is ReportedGpu {
  return (
    isObject(value) &&
    isWhole(value.index) &&
    isText(value.uuid) &&
    isText(value.name) &&
    isObject(value.state) &&
    (value.state.kind === 'fault' ? isText(value.state.reason) : isMeasured(value.state))
  )
}

function isMeasured(state: Fields): boolean {
  const { memoryUsedMb, memoryTotalMb, utilizationPercent, temperatureC, powerW, mig, processes } = state
  return (
    state.kind === 'measured' &&
    [memoryUsedMb, memoryTotalMb, utilizationPercent, temperatureC, powerW].every(isAmountOrAbsent) &&
    (mig === undefined || typeof mig === 'boolean') &&
    (processes === undefined || isListOf(processes, isProcess))
  )
}

function isProcess(value: unknown): value is ReportedProcess {
  if (!isObject(value) || !isWhole(value.pid) || !isAmountOrAbsent(value.memoryMb)) return false
  const { name, graphics } = value
  return (name === undefined || isText(name)) && (graphics === undefined || graphics === true)
}

type Fields = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null
const isText = (value: unknown): value is string => typeof value === 'string'
const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0
const isAmountOrAbsent = (value: unknown): boolean =>
  value === undefined || (typeof value === 'number' && Number.isFinite(value) && value >= 0)

function isListOf<T>(value: unknown, isOne: (each: unknown) => each is T): value is T[] {
  return Array.isArray(value) && value.every(isOne)
}
