import { O_CLOEXEC, O_NONBLOCK } from './descriptors.ts'
import { c, onArm, outcome } from './library.ts'
import { addressOf, cString } from './memory.ts'

export const inotifyInit = (): number =>
  outcome(c.syscall(onArm ? 26 : 294, O_CLOEXEC | O_NONBLOCK, 0, 0, 0, 0))
export const inotifyAdd = (fd: number, path: string, mask: number): number =>
  outcome(c.syscall(onArm ? 27 : 254, fd, addressOf(cString(path)), mask, 0, 0))
