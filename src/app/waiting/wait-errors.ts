import { CanhazgpuError } from '../../domain/errors.ts'

export const interrupted = (): CanhazgpuError =>
  new CanhazgpuError('interrupted', 'Interrupted while waiting for GPUs')

export const waitedTooLong = (): CanhazgpuError =>
  new CanhazgpuError('wait-timed-out', 'The wait is over and the GPUs are still not available', {
    hint: "see 'canhazgpu queue' and 'canhazgpu status'",
  })

/** The time to wait has passed while another process held the store's lock. */
export const waitedForLock = (busy: CanhazgpuError): CanhazgpuError =>
  new CanhazgpuError('wait-timed-out', `Timed out waiting for GPUs: ${busy.message}`, {
    ...(busy.hint === undefined ? {} : { hint: busy.hint }),
    cause: busy,
  })
