import type { DailyUsage } from '../../domain/ledger/daily.ts'
import type { DailyDocument, DayDocument } from '../schemas/usage.ts'

export function dailyDocument(days: readonly DailyUsage[]): DailyDocument {
  return { days: days.map(dayDocument) }
}

function dayDocument({ start, hours }: DailyUsage): DayDocument {
  const users = hours.map(([user, gpuHours]) => ({ user, gpu_hours: rounded(gpuHours) }))
  return {
    date: localDate(new Date(start)),
    gpu_hours: rounded(hours.reduce((sum, [, each]) => sum + each, 0)),
    users: users.sort((a, b) => b.gpu_hours - a.gpu_hours || (a.user < b.user ? -1 : 1)),
  }
}

const rounded = (hours: number): number => Number(hours.toFixed(4))

function localDate(date: Date): string {
  const two = (number: number) => String(number).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}
