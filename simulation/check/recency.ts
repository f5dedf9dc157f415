import type { Gpu, QueueEntry, Reservation } from '../../src/domain/pool/model.ts'
import { type Audit, isSurelyStopped } from './books.ts'
import { isBlocked, isPassedOver } from './order.ts'

/** I9: of the free GPUs those unused for longest, wherever nobody before has a say in it. */
export function auditChoice(audit: Audit, reservation: Reservation, free: readonly number[]): void {
  const { after, process, moment, report } = audit
  const { errand } = process
  if (errand.kind !== 'acquire' || errand.claim !== 'no' || errand.intent.request.kind !== 'count') return
  const seen = { after, shown: process.shown, wall: moment.wall }
  const counts = (entry: QueueEntry) =>
    !isPassedOver(entry, moment.wall) && !isSurelyStopped(audit, entry.id) && !isBlocked(seen, entry)
  if (after.queue.some(counts)) return
  const { uid } = errand.intent.account
  const rank = after.settings.allocation === 'lru' ? sinceRelease : (gpu: Gpu) => ownFirst(gpu, uid)
  const chosen = reservation.gpus.map((id) => rank(gpuIn(audit, id)))
  const left = free.filter((id) => !reservation.gpus.includes(id)).map((id) => rank(gpuIn(audit, id)))
  const wrong = chosen.some((one) => left.some((other) => compare(other, one) < 0))
  if (wrong)
    report('I9', () => `granted ${reservation.gpus.join()} of ${free.join()}: ${JSON.stringify(after.gpus)}`)
}

type Rank = readonly number[]

const sinceRelease = (gpu: Gpu): Rank => [gpu.releasedAt === undefined ? 0 : 1, gpu.releasedAt ?? 0, gpu.id]

function ownFirst(gpu: Gpu, uid: number): Rank {
  if (gpu.releasedBy !== uid || gpu.releasedAt === undefined) return [1, ...sinceRelease(gpu)]
  return [0, -gpu.releasedAt]
}

function compare(a: Rank, b: Rank): number {
  for (const [at, value] of a.entries()) {
    const difference = value - (b[at] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function gpuIn({ after }: Audit, id: number): Gpu {
  const gpu = after.gpus[id]
  if (gpu === undefined) throw new Error(`GPU ${id} is not in the pool`)
  return gpu
}
