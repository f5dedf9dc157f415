import type { Drain } from '../../domain/pool/model.ts'
import type { DrainDocument } from '../schemas/drain.ts'

export const drainDocument = ({ by, since, reason }: Drain): DrainDocument => ({
  by: by.name,
  since: new Date(since).toISOString(),
  ...(reason === undefined ? {} : { reason }),
})
