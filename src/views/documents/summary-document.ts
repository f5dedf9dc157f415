import type { Overview } from '../../domain/observation/status.ts'
import type { SummaryDocument } from '../schemas/status.ts'
import { summaryOf } from '../words/status/summary.ts'

export function summaryDocument({ pool, gpus }: Pick<Overview, 'pool' | 'gpus'>): SummaryDocument {
  const { total, models, available, inUse, errors } = summaryOf(gpus)
  return { host: pool.host, total, gpu_models: models, available, in_use: inUse, errors }
}
