import type { PastTime, TimeRange } from '../../domain/ledger/recorded.ts'
import { gpuNumber } from '../../domain/pool/units.ts'
import type { HistoryDocument, HistoryRecordDocument } from '../schemas/usage.ts'
import { definedOnly, timestamp, typeOf } from './status-document.ts'

/** A browser draws this many records quickly enough. The newest are kept. */
export const MOST_RECORDS = 20_000

/** `unread`: the number of records in the range that were not read. */
export function historyDocument(range: TimeRange, times: readonly PastTime[], unread = 0): HistoryDocument {
  const cut = Math.max(0, times.length - MOST_RECORDS)
  return {
    from: timestamp(range.from),
    to: timestamp(range.to),
    records: times.slice(cut).map(recordDocument),
    ...(unread + cut === 0 ? {} : { left_out: unread + cut }),
  }
}

function recordDocument(time: PastTime): HistoryRecordDocument {
  return definedOnly({
    reservation: time.reservation,
    gpu_id: gpuNumber(time.unit),
    user: time.owner.shownName,
    account: time.owner.account.name,
    type: typeOf(time.term),
    started_at: timestamp(time.startedAt),
    ended_at: time.outcome === undefined ? undefined : timestamp(time.endedAt),
    outcome: time.outcome,
    ended_by: time.endedBy?.name,
    note: time.note,
  })
}
