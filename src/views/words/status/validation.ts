import { isOccupied, isWorking, usersOf } from '../../../domain/observation/evidence.ts'
import { type GpuStatus, otherUseOf } from '../../../domain/observation/status.ts'
import { printable } from '../../../domain/text/text.ts'

/** The reading that supports a GPU's state; undefined without a reading. */
export function validationOf(status: GpuStatus, thresholdMb: number): string | undefined {
  const { use } = status
  if (use.kind === 'fault') return undefined
  if (status.kind === 'drained' && isOccupied(use, thresholdMb)) {
    const users = printable(usersOf(use).join(', ')) || 'unknown users'
    return `${use.memoryUsedMb}MB, ${use.processes.length} processes, used by ${users}`
  }
  if (status.kind !== 'reserved') return `${use.memoryUsedMb}MB used`
  if (!isWorking(use, thresholdMb)) return 'no actual usage detected'
  const amounts = `${use.memoryUsedMb}MB, ${use.processes.length} processes`
  const { users, isHolderThere } = otherUseOf(status)
  if (users.length === 0) return amounts
  const others = printable(users.join(', '))
  if (isHolderThere) return `${amounts}, also used by ${others}`
  return `${amounts}, used by ${others}, not by ${printable(status.reservation.owner.shownName)}`
}
