import type { StatusDocument, SummaryDocument } from '../schemas/status.ts'
import { STATE_BY_NAME } from '../words/status/states.ts'

/** The numbers of GPUs of a host by state and by model. */
export function countsOf(gpus: readonly StatusDocument[]): Omit<SummaryDocument, 'host' | 'stale'> {
  const counts = { available: 0, inUse: 0, drained: 0, errors: 0 }
  // Any text can be the name of a model.
  const models = new Map<string, number>()
  for (const { status, gpu_model: model } of gpus) {
    counts[STATE_BY_NAME[status].column]++
    models.set(model, (models.get(model) ?? 0) + 1)
  }
  const { available, inUse, drained, errors } = counts
  return {
    total: gpus.length,
    gpu_models: Object.fromEntries(models),
    available,
    in_use: inUse,
    drained,
    errors,
  }
}
