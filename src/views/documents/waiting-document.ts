import type { WaitProgress } from '../../app/waiting/wait-progress.ts'
import type { WaitingDocument } from '../schemas/queue.ts'
import { obstacleDocument } from './obstacle-document.ts'
import { sourceDocument } from './policy-document.ts'
import { timestamp } from './status-document.ts'

/** The progress as JSON: `{"waiting": {"position": 2, …}}`. */
export function waitingDocument({
  position,
  length,
  free,
  obstacles,
  driverFailure,
  forecast,
  limit,
}: WaitProgress): WaitingDocument {
  const waiting: WaitingDocument['waiting'] = {
    position,
    length,
    free,
    ...(obstacles.length === 0 ? {} : { unavailable_gpus: obstacles.map(obstacleDocument) }),
    ...(limit === undefined ? {} : { limit: limitDocument(limit) }),
    ...(forecast.kind === 'at' ? { earliest_start: timestamp(forecast.at) } : {}),
    ...(driverFailure === undefined
      ? {}
      : { trouble: driverFailure.message, trouble_code: driverFailure.code }),
  }
  return { waiting }
}

const limitDocument = ({ used, most, scope }: NonNullable<WaitProgress['limit']>) => ({
  ...{ used, most, ...sourceDocument(scope) },
})
