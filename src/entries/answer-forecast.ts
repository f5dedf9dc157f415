import { currentGroups } from '../adapters/accounts/groups.ts'
import { endLike } from '../adapters/process/end-like.ts'
import { writeText } from '../adapters/process/terminal.ts'
import { forecastOf } from '../domain/fleet/forecast.ts'
import type { Intent } from '../domain/operation/intent.ts'
import type { ProcessIdentity } from '../domain/pool/model.ts'
import type { PoolService } from '../ports/pool-service.ts'
import { refusalError } from '../views/words/refusals.ts'

/** Prints when this host could start the request, in place of acquiring its GPUs. Throws if it may not even wait. */
export async function answerForecast(
  pool: PoolService,
  intent: Intent,
  process: ProcessIdentity,
): Promise<never> {
  const [{ pool: settled, moment, stopped }, { observation }] = await Promise.all([
    pool.view('settled'),
    pool.view('observed'),
  ])
  const groups = currentGroups()
  const forecast = forecastOf(settled, intent, { moment, stopped, observation, process, groups })
  if (forecast.kind === 'refused') throw refusalError(forecast.reason)
  writeText(1, `${JSON.stringify(forecast)}\n`)
  return endLike({ code: 0 })
}
