import { CanhazgpuError } from '../../domain/errors.ts'

export const interrupted = (): CanhazgpuError =>
  new CanhazgpuError('interrupted', 'Interrupted while waiting for GPUs')

/** The time limit passed while another process held the store's lock. */
export const waitedForLock = (busy: CanhazgpuError): CanhazgpuError =>
  new CanhazgpuError('wait-timed-out', `Timed out waiting for GPUs: ${busy.message}`, {
    ...(busy.hint === undefined ? {} : { hint: busy.hint }),
    cause: busy,
  })
