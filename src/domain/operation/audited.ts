import type { AuditedChange, AuditRecord } from '../ledger/audit.ts'
import type { Booking } from '../pool/model.ts'
import { sizeOf } from '../schedule/demand.ts'
import type { Context } from './operation.ts'

/** The record of a change that this operation makes. */
export const audited = (
  change: AuditedChange,
  { actor, login, now }: Pick<Context, 'actor' | 'login' | 'now'>,
): AuditRecord => ({ at: now.wall, by: actor, ...(login === undefined ? {} : { login }), change })

export const cancelOf = ({ id, owner, request, term }: Booking): AuditedChange => ({
  ...{ kind: 'cancel', booking: id, owner, gpus: sizeOf(request), from: term.from, until: term.until },
})
