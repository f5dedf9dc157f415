import { CanhazgpuError } from '../../domain/errors.ts'
import type { Millis } from '../../domain/pool/model.ts'

const HINT =
  'Raise --probe-timeout if this machine is just slow (persistence mode makes the driver faster: nvidia-smi -pm 1); otherwise ask the administrator to check the driver (dmesg).'

/**
 * Runs `work` with a deadline. When it passes, the signal aborts and `driver-unresponsive` is thrown at once, even if
 * `work` never ends. The signal also aborts when `work` fails, so that anything it started ends too.
 *
 * @param driver the subject of the error message
 */
export async function withinDeadline<Result>(
  ms: Millis,
  driver: string,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController()
  const expired = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    expired.reject(
      new CanhazgpuError('driver-unresponsive', `${driver} did not answer within ${ms / 1000} s`, {
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
