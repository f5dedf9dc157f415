import type { Grant, Intent } from '../domain/operation/intent.ts'
import { isRefusal, type Refusal } from '../domain/operation/refusal.ts'
import type { PoolService } from '../ports/pool-service.ts'

/** Grants the units now or refuses; it never waits. */
export async function acquireNow(service: PoolService, intent: Intent): Promise<Grant | Refusal> {
  const answer = await service.perform({ op: 'acquire', intent })
  if (isRefusal(answer)) return answer
  if (answer.kind === 'granted') return answer.grant
  throw new Error('a request without a ticket is in the queue')
}
