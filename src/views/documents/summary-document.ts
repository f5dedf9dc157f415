import type { Overview } from '../../domain/observation/status.ts'
import type { SummaryDocument } from '../schemas/status.ts'
import { summaryOf } from '../words/status/summary.ts'
import { staleDocument } from './status-document.ts'

export function summaryDocument({ pool, gpus, stale }: SummarySource): SummaryDocument {
  const { total, models, available, inUse, drained, errors } = summaryOf(gpus)
  const counts = { total, gpu_models: models, available, in_use: inUse, drained, errors }
  return { host: pool.host, ...counts, ...(stale === undefined ? {} : { stale: staleDocument(stale) }) }
}

type SummarySource = Pick<Overview, 'pool' | 'gpus' | 'stale'>
