import type { WaitingNews } from '../../app/waiting/waiting-news.ts'
import type { WaitingDocument } from '../schemas/queue.ts'
import { obstacleDocument } from './obstacle-document.ts'
import { timestamp } from './status-document.ts'

/** The progress as JSON: `{"waiting": {"position": 2, …}}`. */
export function waitingDocument({
  position,
  length,
  free,
  obstacles,
  trouble,
  forecast,
}: WaitingNews): WaitingDocument {
  const waiting: WaitingDocument['waiting'] = {
    position,
    length,
    free,
    ...(obstacles.length === 0 ? {} : { unavailable_gpus: obstacles.map(obstacleDocument) }),
    ...(forecast.kind === 'at' ? { earliest_start: timestamp(forecast.at) } : {}),
    ...(trouble === undefined ? {} : { trouble: trouble.message, trouble_code: trouble.code }),
  }
  return { waiting }
}
