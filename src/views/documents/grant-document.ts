import type { Grant } from '../../domain/operation/intent.ts'
import { gpuNumber, unitsOf } from '../../domain/pool/units.ts'
import type { GrantDocument } from '../schemas/grant.ts'
import { expiryOf, timestamp, typeOf } from './status-document.ts'

/** A granted reservation in JSON. */
export function grantDocument({ reservation, devices }: Grant): GrantDocument {
  const { owner, term } = reservation
  const expiry = expiryOf(term)
  return {
    reservation: reservation.id,
    gpus: unitsOf(reservation).map(gpuNumber),
    cuda_visible_devices: devices.join(','),
    user: owner.shownName,
    account: owner.account.name,
    type: typeOf(term.kind),
    started_at: timestamp(reservation.startedAt),
    ...(expiry === undefined ? {} : { expiry_time: expiry }),
  }
}
