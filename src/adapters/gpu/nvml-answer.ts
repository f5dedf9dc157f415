import { firstLine, notUnderstood } from './driver-words.ts'
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
    const answer: unknown = JSON.parse(line)
    // Written by this very program, so that its kind is proof enough of its shape.
    if (typeof answer === 'object' && answer !== null && 'kind' in answer) return answer as NvmlAnswer
  } catch {
    // Cut off or none at all.
  }
  throw notUnderstood('NVML', firstLine(stdout))
}
