import type { Drain, UnitId } from '../../domain/pool/model.ts'
import { printable, shortened } from '../../domain/text/text.ts'

const LONGEST_REASON = 80

/** ` - fan`; empty without a reason. */
export const reasonWords = ({ reason }: Pick<Drain, 'reason'>): string =>
  reason === undefined ? '' : ` - ${shortened(reason, LONGEST_REASON)}`

/** ` (draining: fan)`, for a GPU that has a holder. Empty if it is not drained. */
export function drainingMark(drain: Pick<Drain, 'reason'> | undefined): string {
  if (drain === undefined) return ''
  return drain.reason === undefined
    ? ' (draining)'
    : ` (draining: ${shortened(drain.reason, LONGEST_REASON)})`
}

/** `GPU 3 drained by root - fan`. */
export const drainedWords = (unit: UnitId, drain: Drain): string =>
  `GPU ${unit} drained by ${printable(drain.by.name)}${reasonWords(drain)}`
