import { CanhazgpuError } from '../../domain/errors.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { withinDeadline } from '../gpu/deadline.ts'
import { failureText } from '../gpu/driver-errors.ts'
import { firstLine } from '../gpu/driver-text.ts'
import { type Environment, runProgram } from '../gpu/run-program.ts'

/** The persistence mode of each NVIDIA GPU, as nvidia-smi prints it; null without the program. */
export async function persistenceModes(
  env: Environment,
  deadlineMs: Millis,
): Promise<readonly string[] | { readonly reason: string } | null> {
  const program = Bun.which('nvidia-smi', { PATH: env.PATH ?? '' })
  if (program === null) return null
  const query = ['--query-gpu=persistence_mode', '--format=csv,noheader,nounits']
  try {
    const output = await withinDeadline(deadlineMs, 'nvidia-smi', (signal) =>
      runProgram([program, ...query], { env, signal }),
    )
    if (output.exitCode !== 0) return { reason: `nvidia-smi: ${failureText(output)}` }
    return output.stdout.trim().split('\n').map(firstLine)
  } catch (error) {
    if (error instanceof CanhazgpuError) return { reason: error.message }
    throw error
  }
}
