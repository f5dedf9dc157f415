import { DAYS_TOLD, type SnapshotPart } from '../../domain/fleet/snapshot.ts'
import type { UsageAnswers, UsageQuestion } from '../../domain/ledger/usage-question.ts'
import type { Overview } from '../../domain/observation/status.ts'
import type { QueueOverview } from '../../domain/schedule/queue-places.ts'
import type { QueuePart, StatusPart, UsagePart } from '../schemas/fleet.ts'
import { type NextSign, queuePart, queueText, statusPart, statusText, usagePart, usageText } from './parts.ts'

/** The parts of a pool service that a host publishes. */
export interface SnapshotSource {
  view(question: 'status'): Promise<Overview>
  view(question: 'queue'): Promise<QueueOverview>
  usage(question: UsageQuestion<'totals'>): Promise<UsageAnswers['totals']>
}

export interface Parts {
  readonly status: StatusPart
  readonly queue: QueuePart
  readonly usage: UsagePart
}

const MAKERS: {
  readonly [Part in SnapshotPart]: (source: SnapshotSource, nextSign: NextSign) => Promise<Parts[Part]>
} = {
  status: async (source, nextSign) => statusPart(await source.view('status'), nextSign),
  queue: async (source, nextSign) => queuePart(await source.view('queue'), nextSign),
  usage: async (source, nextSign) =>
    usagePart(await source.usage({ kind: 'totals', days: DAYS_TOLD }), nextSign),
}

/** One part of the snapshot of this host. */
export const ownPart = <Part extends SnapshotPart>(
  source: SnapshotSource,
  part: Part,
  nextSign: NextSign = null,
): Promise<Parts[Part]> => MAKERS[part](source, nextSign)

/** The same as the text that other hosts read. */
export async function ownPartText(
  source: SnapshotSource,
  part: SnapshotPart,
  nextSign: NextSign = null,
): Promise<string> {
  switch (part) {
    case 'status':
      return statusText(await ownPart(source, part, nextSign))
    case 'queue':
      return queueText(await ownPart(source, part, nextSign))
    case 'usage':
      return usageText(await ownPart(source, part, nextSign))
  }
}
