import { isWorking } from '../../../domain/observation/evidence.ts'
import { type GpuStatus, otherUseOf } from '../../../domain/observation/status.ts'
import { printable } from '../../../domain/text/text.ts'

/** The reading that supports a GPU's state; undefined without a reading. */
export function validationOf(status: GpuStatus, thresholdMb: number): string | undefined {
  const { usage } = status
  if (usage.kind === 'fault') return undefined
  if (status.kind !== 'reserved') return `${usage.memoryUsedMb}MB used`
  if (!isWorking(usage, thresholdMb)) return 'no actual usage detected'
  const use = `${usage.memoryUsedMb}MB, ${usage.processes.length} processes`
  const { users, isHolderThere } = otherUseOf(status)
  if (users.length === 0) return use
  const others = printable(users.join(', '))
  if (isHolderThere) return `${use}, also used by ${others}`
  return `${use}, used by ${others}, not by ${printable(status.reservation.owner.shownName)}`
}
