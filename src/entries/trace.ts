import type { Warn } from '../domain/warnings.ts'
import type { Trace } from '../ports/trace.ts'

/** The trace that `CANHAZGPU_TRACE` requests; its module is loaded only then. */
export async function traceOf(env: NodeJS.ProcessEnv, warn: Warn): Promise<Trace | undefined> {
  const target = env.CANHAZGPU_TRACE ?? ''
  if (target === '') return undefined
  const { openTrace } = await import('../adapters/process/trace.ts')
  return openTrace(target, warn)
}
