import type { Grant } from '../../app/acquire.ts'
import { expiryOf, timestamp } from './status-document.ts'

/** A granted reservation in JSON. */
export function grantDocument({ reservation, devices }: Grant) {
  const expiry = expiryOf(reservation)
  return {
    reservation: reservation.id,
    gpus: reservation.gpus,
    cuda_visible_devices: devices.join(','),
    user: reservation.user,
    account: reservation.account.name,
    type: reservation.kind === 'run' ? 'RUN' : 'MANUAL',
    started_at: timestamp(reservation.startedAt),
    ...(expiry === undefined ? {} : { expiry_time: expiry }),
  }
}
