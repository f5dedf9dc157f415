import type { PoolCreated } from '../../app/set-up.ts'
import { labelOf, shownName } from '../../domain/ledger/shown-names.ts'
import type { TakeOver } from '../../domain/original/take-over.ts'
import type { ManualReservation } from '../../domain/pool/model.ts'
import { unitsOf } from '../../domain/pool/units.ts'
import { printable } from '../../domain/text/text.ts'
import { formatWhen } from '../../domain/text/when.ts'
import { localOffset } from './clock-time.ts'
import { counted } from './counted.ts'
import type { Printed } from './printed.ts'

export interface ImportedPool {
  readonly kind: 'imported'
  readonly gpuCount: number
  readonly takeOver: TakeOver
  /** Absent after a dry run. */
  readonly created?: PoolCreated
}

/** What is taken over on stdout, and what is not on stderr. */
export function importedText({ takeOver, created }: ImportedPool): Required<Printed> {
  const { taken, running, ownerless, unreadable, waiting } = takeOver
  const counts = `${counted(taken.reservations.length, 'reservation')} and ${counted(taken.records.length, 'usage record')}`
  const held = taken.reservations.map((reservation) =>
    heldLine(reservation, running.includes(reservation.id)),
  )
  const missing = [
    ...ownerless.map(
      ({ user, account, units }) =>
        `GPU(s) [${units.join(', ')}]: reserved for ${printable(labelOf({ user, account: { name: account } }))}, who has no account on this machine`,
    ),
    ...(unreadable === 0 ? [] : [`${counted(unreadable, 'usage record')} that cannot be read`]),
    ...(waiting === 0
      ? []
      : [
          `${counted(waiting, 'request')} in the queue - end the waiting commands, and start them again with this program`,
        ]),
  ]
  return {
    stdout: [`${created === undefined ? 'Would import' : 'Imported'} ${counts}\n`, ...held].join(''),
    stderr: missing.map((what) => `Not imported: ${what}\n`).join(''),
  }
}

function heldLine(reservation: ManualReservation, isRunning: boolean): string {
  const ids = unitsOf(reservation)
  const until = formatWhen(reservation.term.expiresAt, localOffset)
  const line = `GPU(s) [${ids.join(', ')}]: reserved by ${printable(shownName(reservation))} until ${until}`
  const remedy = `'canhazgpu release --gpu-ids ${ids.join(',')}' when it ends`
  return isRunning ? `${line} - its command runs under the original canhazgpu: ${remedy}\n` : `${line}\n`
}
