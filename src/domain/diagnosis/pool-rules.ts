import type { CanhazgpuError } from '../errors.ts'
import type { ProviderName } from '../pool/model.ts'
import type { Checkup, Problem } from '../pool/soundness.ts'
import type { Finding } from './finding.ts'

export interface CheckedPool extends Checkup {
  /** The problems and the differences between pool and driver. */
  readonly problems: readonly Problem[]
  readonly provider?: ProviderName
  /** Why pool and driver were not compared. */
  readonly notCompared?: string
}

export function poolFindings(checked: CheckedPool): readonly Finding[] {
  const { path, problems, counts, provider, notCompared } = checked
  const compared: readonly Finding[] =
    notCompared === undefined ? [] : [{ code: 'pool-not-compared', reason: notCompared }]
  if (problems.length > 0) {
    return [...problems.map((problem): Finding => ({ code: 'pool-problem', path, ...problem })), ...compared]
  }
  const { gpus = 0, reservations = 0, waiting = 0, records = 0 } = counts ?? {}
  const named = provider === undefined ? {} : { provider }
  return [{ code: 'pool-sound', path, gpus, reservations, waiting, records, ...named }, ...compared]
}

/** The finding for a pool that cannot be checked. A daemon lets only root and its own account check the pool. */
export function uncheckedPool(error: CanhazgpuError, isOfDaemon: boolean): Finding {
  const { code, message: reason, hint } = error
  const why = { reason, ...(hint === undefined ? {} : { hint }) }
  switch (code) {
    case 'pool-not-initialized':
      return { code: 'pool-missing', ...why }
    case 'permission-denied':
      return isOfDaemon ? { code: 'pool-closed', ...why } : { code: 'pool-unreadable', error: code, ...why }
    default:
      return { code: 'pool-unreadable', error: code, ...why }
  }
}
