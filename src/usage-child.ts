import { currentMoment } from './adapters/os/clock.ts'
import { livenessInDecision, stoppedInDecision } from './adapters/os/processes.ts'
import { openStore } from './adapters/store/open.ts'
import { type UsageQuestion, usageAnswer } from './app/usage-answer.ts'
import { CanhazgpuError } from './domain/errors.ts'

/**
 * Answers one question about the history, as JSON: `canhazgpu __usage <store> <question>`. The dashboard asks it in a
 * child, so that it neither stands still while millions of records are read nor keeps the memory they take.
 */
export async function usageMain(storeUrl: string, question: string): Promise<number> {
  try {
    const store = await openStore(storeUrl, currentMoment)
    const deps = { store, alive: livenessInDecision(), stopped: stoppedInDecision() }
    await Bun.write(
      Bun.stdout,
      JSON.stringify(await usageAnswer(deps, JSON.parse(question) as UsageQuestion)),
    )
    store.close()
    return 0
  } catch (error) {
    if (!(error instanceof CanhazgpuError)) throw error
    const { code, message, hint } = error
    await Bun.write(Bun.stdout, JSON.stringify({ code, message, hint }))
    return FAILED
  }
}

/** Any other status but 0 is a bug. */
const FAILED = 3
