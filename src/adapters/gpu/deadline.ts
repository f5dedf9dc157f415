import { CanhazgpuError } from '../../domain/errors.ts'
import type { Millis } from '../../domain/pool/model.ts'

const HINT =
  'Raise --probe-timeout if this machine is just slow (persistence mode makes the driver quicker: nvidia-smi -pm 1); otherwise ask the administrator to look at the driver (dmesg).'

/**
 * Gives `work` so many milliseconds. When they have passed, its signal aborts and `driver-unresponsive` is
 * thrown at once, whether or not `work` ever comes to an end. The signal also aborts when `work` fails, so
 * that what it started besides does not live on.
 *
 * @param who who did not answer, as the message shall say
 */
export async function withinDeadline<Result>(
  ms: Millis,
  who: string,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController()
  const expired = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    expired.reject(
      new CanhazgpuError('driver-unresponsive', `${who} did not answer within ${ms / 1000} s`, {
        hint: HINT,
      }),
    )
  }, ms)
  try {
    return await Promise.race([expired.promise, work(controller.signal)])
  } finally {
    clearTimeout(timer)
    controller.abort()
  }
}
