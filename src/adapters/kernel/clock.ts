import type { Moment } from '../../domain/pool/model.ts'
import { bootId, timeNamespace } from './boot.ts'
import { CLOCK_BOOTTIME, clockInto } from './libc/clock.ts'

let epoch: string | undefined

/**
 * The wall clock and the time since boot, suspend included (CLOCK_BOOTTIME, clock_gettime(2)). The epoch names the boot
 * and the time namespace, which may shift the time since boot (time_namespaces(7)).
 */
export function currentMoment(): Moment {
  epoch ??= `${bootId()}/${timeNamespace()}`
  for (;;) {
    const before = sinceBoot()
    const wall = Date.now()
    const ms = sinceBoot()
    // If this process was stopped in between, the two clocks do not belong together: they are read again.
    if (ms - before <= ONE_INSTANT_MS) return { wall, steady: { epoch, ms } }
  }
}

/** The time since boot alone. It needs no epoch, whose parts are files. */
export const steadyNow = (): number => sinceBoot()

const ONE_INSTANT_MS = 5

function sinceBoot(): number {
  // Two numbers of 64 bits, of which the first halves are enough for 136 years.
  const timespec = new Uint32Array(4)
  clockInto(CLOCK_BOOTTIME, timespec)
  return (timespec[0] ?? 0) * 1000 + Math.floor((timespec[2] ?? 0) / 1e6)
}
