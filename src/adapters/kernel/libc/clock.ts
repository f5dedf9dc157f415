import { c } from './library.ts'

export const CLOCK_BOOTTIME = 7

/** Fills a `struct timespec`. */
export function clockInto(clock: number, timespec: Uint32Array<ArrayBuffer>): void {
  c.clock_gettime(clock, timespec)
}
