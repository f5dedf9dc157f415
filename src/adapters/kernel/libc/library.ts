import { dlopen, type FFIFunction, read } from 'bun:ffi'
import { CanhazgpuError } from '../../../domain/errors.ts'
import { EPERM } from './errno.ts'

/**
 * The C library. The files beside this one bind its functions by subject, thinly; only `spawn.ts` above them calls it too.
 * Unless a comment states otherwise, every function returns the kernel's result, or a negated errno on failure. Numbers
 * are for Linux on x86_64 and, where they differ, aarch64.
 */

export const onArm = process.arch === 'arm64'

/** Why the C library cannot be called; undefined if it can. */
export let unavailable: unknown

/** The functions that almost every command needs. Each takes 5 µs to bind. */
export const c = callable(() =>
  symbolsOf('libc.so.6', {
    _exit: { args: ['int'], returns: 'void' },
    __errno_location: { args: [], returns: 'ptr' },
    clock_gettime: { args: ['int', 'ptr'], returns: 'int' },
    close: { args: ['int'], returns: 'int' },
    euidaccess: { args: ['ptr', 'int'], returns: 'int' },
    fcntl: { args: ['int', 'int', 'i64'], returns: 'int' },
    geteuid: { args: [], returns: 'u32' },
    isatty: { args: ['int'], returns: 'int' },
    open: { args: ['ptr', 'int', 'int'], returns: 'int' },
    poll: { args: ['ptr', 'u64', 'int'], returns: 'int' },
    read: { args: ['int', 'ptr', 'u64'], returns: 'i64' },
    readlink: { args: ['ptr', 'ptr', 'u64'], returns: 'i64' },
    realpath: { args: ['ptr', 'ptr'], returns: 'ptr' },
    statfs: { args: ['ptr', 'ptr'], returns: 'int' },
    syscall: { args: ['i64', 'i64', 'i64', 'i64', 'i64', 'i64'], returns: 'i64' },
    write: { args: ['int', 'ptr', 'u64'], returns: 'i64' },
  }),
)

/** The functions that only some processes need, and that have no number. Bound on first use. */
export const further = {
  get c() {
    bound ??= bindFurther()
    return bound
  },
}

let bound: ReturnType<typeof bindFurther> | undefined

const bindFurther = () =>
  symbolsOf('libc.so.6', {
    getauxval: { args: ['u64'], returns: 'ptr' },
    posix_spawn_file_actions_addopen: { args: ['ptr', 'int', 'ptr', 'int', 'u32'], returns: 'int' },
    posix_spawn_file_actions_destroy: { args: ['ptr'], returns: 'int' },
    posix_spawn_file_actions_init: { args: ['ptr'], returns: 'int' },
    posix_spawn: { args: ['ptr', 'ptr', 'ptr', 'ptr', 'ptr', 'ptr'], returns: 'int' },
    strerror: { args: ['int'], returns: 'cstring' },
  })

/** Without the library this program still loads. The first call of a function throws the reason. */
function callable<Symbols extends object>(load: () => Symbols): Symbols {
  try {
    return load()
  } catch (reason) {
    unavailable = reason
    return new Proxy<Symbols>({} as Symbols, {
      get() {
        throw reason
      },
    })
  }
}

/** Further functions of a library, for the few programs that need them. */
export function symbolsOf<Functions extends Record<string, FFIFunction>>(
  library: string,
  functions: Functions,
) {
  try {
    return dlopen(library, functions).symbols
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CanhazgpuError('failure', `cannot call the C library ${library}: ${reason}`, {
      hint: "canhazgpu needs memory that is writable and executable: raise 'ulimit -v', or leave MemoryDenyWriteExecute= out of the service",
      cause,
    })
  }
}

/** The result, or the negated errno if it is -1. */
export function outcome(result: number | bigint): number {
  return result >= 0 ? Number(result) : lastError()
}

function lastError(): number {
  const address = c.__errno_location()
  return address === null ? -EPERM : -read.i32(address, 0)
}

/** The text of perror(3). */
export const errorText = (errno: number): string => String(further.c.strerror(errno))
