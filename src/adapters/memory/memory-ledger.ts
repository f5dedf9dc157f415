import type { AuditRecord } from '../../domain/ledger/audit.ts'
import type { RecordedHold, TimeRange } from '../../domain/ledger/recorded.ts'
import { tallied } from '../../domain/ledger/report.ts'
import type { UsageRecord } from '../../domain/pool/model.ts'
import type { Ledger, RecordedUsage } from '../../ports/ledger.ts'
import type { MemoryPlace } from './memory-place.ts'

export class MemoryLedger implements Ledger {
  readonly #place: MemoryPlace

  constructor(place: MemoryPlace) {
    this.#place = place
  }

  async history(range: TimeRange, most?: number): Promise<readonly UsageRecord[]> {
    const records = this.#overlapping(range).sort((a, b) => a.endedAt - b.endedAt)
    return most === undefined ? records : records.slice(Math.max(0, records.length - most))
  }

  async visitTimes(range: TimeRange, visit: (time: RecordedHold) => void): Promise<void> {
    for (const { reservation, term, owner, startedAt, endedAt } of this.#overlapping(range)) {
      visit({ reservation, term, user: owner.shownName, account: owner.account, startedAt, endedAt })
    }
  }

  async usage(range: TimeRange, reservations: readonly string[]): Promise<RecordedUsage> {
    const records = this.#overlapping(range)
    return {
      tallies: tallied(records, range),
      records: records.filter((record) => reservations.includes(record.reservation)),
    }
  }

  async isRecorded(reservation: string): Promise<boolean> {
    return [...this.#place.records].some((record) => record.reservation === reservation)
  }

  async audit(most: number): Promise<readonly AuditRecord[]> {
    return this.#place.audit.toReversed().slice(0, most)
  }

  #overlapping({ from, to }: TimeRange): UsageRecord[] {
    const records = [...this.#place.records]
    return records.filter((record) => record.endedAt >= from && record.startedAt <= to)
  }
}
