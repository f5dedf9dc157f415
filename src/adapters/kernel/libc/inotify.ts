import { O_CLOEXEC, O_NONBLOCK } from './descriptors.ts'
import { c, outcome } from './library.ts'
import { cString } from './memory.ts'

export const inotifyInit = (): number => outcome(c.inotify_init1(O_CLOEXEC | O_NONBLOCK))
export const inotifyAdd = (fd: number, path: string, mask: number): number =>
  outcome(c.inotify_add_watch(fd, cString(path), mask))
