import type { Trace } from '../ports/trace.ts'

/** The trace that `CANHAZGPU_TRACE` asks for; loaded only then. */
export async function traceOf(
  env: NodeJS.ProcessEnv,
  warn: (message: string) => void,
): Promise<Trace | undefined> {
  const target = env.CANHAZGPU_TRACE ?? ''
  if (target === '') return undefined
  const { openTrace } = await import('../adapters/process/trace.ts')
  return openTrace(target, warn)
}
