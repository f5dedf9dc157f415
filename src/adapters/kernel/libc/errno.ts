/** Numbers of errors (errno(3)). */

export const EPERM = 1
export const ENOENT = 2
export const ESRCH = 3
export const EINTR = 4
export const EIO = 5
export const ENOEXEC = 8
export const EBADF = 9
export const ECHILD = 10
export const EAGAIN = 11
export const EACCES = 13
export const ENOTDIR = 20
export const EINVAL = 22
export const ENFILE = 23
export const EMFILE = 24
export const EPIPE = 32
export const ENAMETOOLONG = 36
export const ENOSYS = 38
export const ENOPROTOOPT = 92

/** Whether a write that failed so has lost output. A reader that has gone and a closed stream are the caller's choice. */
export const losesOutput = (errno: number): boolean => errno !== EPIPE && errno !== EBADF
