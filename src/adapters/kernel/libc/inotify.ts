import { O_CLOEXEC, O_NONBLOCK } from './descriptors.ts'
import { further, outcome } from './library.ts'
import { cString } from './memory.ts'

export const inotifyInit = (): number => outcome(further.c.inotify_init1(O_CLOEXEC | O_NONBLOCK))
export const inotifyAdd = (fd: number, path: string, mask: number): number =>
  outcome(further.c.inotify_add_watch(fd, cString(path), mask))
