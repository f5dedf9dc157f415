import type { UsageReport, UserUsage } from '../../domain/ledger/report.ts'
import { timestamp } from './status-document.ts'

/** The JSON of `report --json` and `/api/report`. */
export interface ReportDocument {
  readonly days: number
  readonly from: string
  readonly to: string
  /** Most GPU hours first. */
  readonly users: readonly UserUsageDocument[]
  readonly total: UsageDocument
  readonly total_reservations: number
  readonly unique_users: number
}

export interface UsageDocument {
  readonly gpu_hours: number
  readonly percentage: number
  /** Reservations for a command. */
  readonly run: number
  /** Reservations for a time. */
  readonly manual: number
}

export interface UserUsageDocument extends UsageDocument {
  readonly user: string
}

export function reportDocument({ range, days, users, total }: UsageReport): ReportDocument {
  return {
    days,
    from: timestamp(range.from),
    to: timestamp(range.to),
    users: users.map((user) => ({ user: user.user, ...usageDocument(user) })),
    total: usageDocument(total),
    total_reservations: total.runs + total.manuals,
    unique_users: users.length,
  }
}

function usageDocument(usage: Omit<UserUsage, 'user'>): UsageDocument {
  return {
    gpu_hours: Number(usage.gpuHours.toFixed(4)),
    percentage: Number(usage.percentage.toFixed(2)),
    run: usage.runs,
    manual: usage.manuals,
  }
}
