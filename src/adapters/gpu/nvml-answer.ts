import * as v from 'valibot'
import { notUnderstood } from './driver-words.ts'
import type { ReportedGpu } from './reading.ts'

/** The name the dynamic loader knows NVML by. */
export const STANDARD_LIBRARY = 'libnvidia-ml.so.1'

/** What the child process tells its parent, as one line of JSON. */
export type NvmlAnswer =
  | { readonly kind: 'gpus'; readonly gpus: readonly ReportedGpu[] }
  | { readonly kind: 'missing'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }

/** Whether the child has said all it has to say; its line break comes last. */
export function isAnswer(stdout: string): boolean {
  return /\n\{"kind":.*\}\n$/.test(stdout)
}

/** The answer is the last line; anything before it was printed by the library. Throws `driver-failed`. */
export function parseAnswer(stdout: string): NvmlAnswer {
  const line = stdout.trimEnd().split('\n').at(-1) ?? ''
  try {
    const { success, output } = v.safeParse(Answer, JSON.parse(line))
    if (success) return output
  } catch {
    // Cut off or none at all.
  }
  throw notUnderstood('NVML', stdout)
}

const amount = v.pipe(v.number(), v.finite(), v.minValue(0))
const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0))

const Process = v.object({
  pid: whole,
  name: v.exactOptional(v.string()),
  memoryMb: v.exactOptional(amount),
  graphics: v.exactOptional(v.literal(true)),
})

const State = v.variant('kind', [
  v.object({ kind: v.literal('fault'), reason: v.string() }),
  v.object({
    kind: v.literal('measured'),
    memoryUsedMb: v.exactOptional(amount),
    memoryTotalMb: v.exactOptional(amount),
    utilizationPercent: v.exactOptional(amount),
    temperatureC: v.exactOptional(amount),
    powerW: v.exactOptional(amount),
    mig: v.exactOptional(v.boolean()),
    processes: v.exactOptional(v.array(Process)),
  }),
])

/** Written by this very program; but a library shares its standard output. */
const Answer = v.variant('kind', [
  v.object({
    kind: v.literal('gpus'),
    gpus: v.array(v.object({ index: whole, uuid: v.string(), name: v.string(), state: State })),
  }),
  v.object({ kind: v.picklist(['missing', 'failed']), reason: v.string() }),
]) satisfies v.GenericSchema<unknown, NvmlAnswer>
