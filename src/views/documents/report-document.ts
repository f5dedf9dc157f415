import type { UsageReport } from '../../domain/ledger/report.ts'
import type { ReportDocument } from '../schemas/usage.ts'
import { timestamp } from './status-document.ts'

export function reportDocument({ range, days, sumsUntil, users, total }: UsageReport): ReportDocument {
  return {
    days,
    from: timestamp(range.from),
    to: timestamp(range.to),
    ...(sumsUntil === undefined ? {} : { sums_until: timestamp(sumsUntil) }),
    users: users.map((user) => ({
      user: user.user,
      account: user.account,
      ...(user.uid === undefined ? {} : { uid: user.uid }),
      ...usageDocument(user),
    })),
    total: usageDocument(total),
    total_reservations: total.runs + total.manuals,
    unique_users: users.length,
  }
}

function usageDocument(usage: UsageReport['total']): ReportDocument['total'] {
  return {
    gpu_hours: Number(usage.gpuHours.toFixed(4)),
    percentage: Number(usage.percentage.toFixed(2)),
    run: usage.runs,
    manual: usage.manuals,
  }
}
