import { dlopen, ptr } from 'bun:ffi'
import type { Stamp } from './log.ts'

const CLOCK_BOOTTIME = 7
/** The two clocks belong to one moment if they were read within this time. */
const ONE_MOMENT_MS = 1

const { symbols: libc } = dlopen('libc.so.6', { clock_gettime: { args: ['int', 'ptr'], returns: 'int' } })
const timespec = new BigInt64Array(2)
const address = ptr(timespec)

/** The present time by the clocks that jobs and the store use. */
export function stamp(): Stamp {
  for (;;) {
    const steady = sinceBoot()
    const wall = Date.now()
    if (sinceBoot() - steady <= ONE_MOMENT_MS) return { steady, wall }
  }
}

function sinceBoot(): number {
  libc.clock_gettime(CLOCK_BOOTTIME, address)
  const [seconds = 0n, nanoseconds = 0n] = timespec
  return Number(seconds) * 1000 + Number(nanoseconds) / 1e6
}
