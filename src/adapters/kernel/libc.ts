import { CString, dlopen, type FFIFunction, ptr, read } from 'bun:ffi'
import { CanhazgpuError } from '../../domain/errors.ts'

/**
 * A thin binding of the C library. Only `spawn.ts` beside it calls it too. Unless a comment states otherwise, every function returns
 * the kernel's result, or a negated errno on failure. Numbers are for Linux on x86_64 and, where they differ, aarch64.
 */

export type Bytes = Uint8Array<ArrayBuffer>

export const EPERM = 1
export const ENOENT = 2
export const ESRCH = 3
export const EINTR = 4
export const EIO = 5
export const ENOEXEC = 8
export const EBADF = 9
const ECHILD = 10
export const EAGAIN = 11
export const EACCES = 13
export const ENOTDIR = 20
export const EINVAL = 22
export const ENFILE = 23
export const EMFILE = 24
export const ENAMETOOLONG = 36
export const ENOSYS = 38
export const ENOPROTOOPT = 92

const onArm = process.arch === 'arm64'

export const O_RDONLY = 0
export const O_WRONLY = 1
export const O_RDWR = 2
const O_CREAT = 0o100
export const O_NOCTTY = 0o400
export const O_APPEND = 0o2000
export const O_NONBLOCK = 0o4000
const O_CLOEXEC = 0o2000000
/** Names a file without opening it. */
export const O_PATH = 0o10000000
export const O_NOFOLLOW = onArm ? 0o100000 : 0o400000

/** Types of files in `st_mode`. */
export const S_IFMT = 0o170000
export const S_IFIFO = 0o010000
export const S_IFDIR = 0o040000
export const S_IFREG = 0o100000
export const S_IFLNK = 0o120000
export const S_IFSOCK = 0o140000

export const F_SETFD = 2
export const F_SETFL = 4
export const FD_CLOEXEC = 1
export const F_DUPFD_CLOEXEC = 1030

const AF_UNIX = 1
const SOCK_STREAM = 1
const WNOHANG = 1
const SOL_SOCKET = 1
const SO_SNDTIMEO = 21
const MSG_NOSIGNAL = 0x4000

export const CLOCK_BOOTTIME = 7

/** Read and set the size of a terminal (ioctl_tty(2)). */
export const TIOCGWINSZ = 0x5413
export const TIOCSWINSZ = 0x5414
/** Makes a terminal the controlling terminal of this session. */
export const TIOCSCTTY = 0x540e
/** Unlocks a new pseudo-terminal, and reads its number. */
export const TIOCSPTLCK = 0x40045431
export const TIOCGPTN = 0x80045430
/** Reads the process group in the foreground of a terminal. */
export const TIOCGPGRP = 0x540f
/** Read and set the modes of a terminal. */
export const TCGETS = 0x5401
export const TCSETS = 0x5402

export const RLIMIT_FSIZE = 1
export const RLIMIT_CORE = 4
export const RLIMIT_NOFILE = 7

export const SIGSTOP = 19
export const SIGTSTP = 20

const SIG_SETMASK = 2
const SIGNAL_SET_BYTES = 8

export const X_OK = 1
export const W_OK = 2
export const R_OK = 4
export const F_OK = 0

const AT_FDCWD = -100
const AT_SYMLINK_NOFOLLOW = 0x100
const AT_EMPTY_PATH = 0x1000
const STATX_BASIC_STATS = 0x7ff

const F_RDLCK = 0
const F_UNLCK = 2
const F_GETLK = 5
const F_OFD_SETLK = 37
const LOCK_EX = 2
const LOCK_NB = 4

/** Why the C library cannot be called; undefined if it can. */
export let unavailable: unknown

const c = callable(() =>
  symbolsOf('libc.so.6', {
    _exit: { args: ['int'], returns: 'void' },
    __errno_location: { args: [], returns: 'ptr' },
    clock_gettime: { args: ['int', 'ptr'], returns: 'int' },
    close: { args: ['int'], returns: 'int' },
    euidaccess: { args: ['ptr', 'int'], returns: 'int' },
    execve: { args: ['ptr', 'ptr', 'ptr'], returns: 'int' },
    fcntl: { args: ['int', 'int', 'i64'], returns: 'int' },
    getauxval: { args: ['u64'], returns: 'ptr' },
    geteuid: { args: [], returns: 'u32' },
    getppid: { args: [], returns: 'int' },
    inotify_add_watch: { args: ['int', 'ptr', 'u32'], returns: 'int' },
    inotify_init1: { args: ['int'], returns: 'int' },
    ioctl: { args: ['int', 'u64', 'ptr'], returns: 'int' },
    isatty: { args: ['int'], returns: 'int' },
    kill: { args: ['int', 'int'], returns: 'int' },
    open: { args: ['ptr', 'int', 'int'], returns: 'int' },
    poll: { args: ['ptr', 'u64', 'int'], returns: 'int' },
    prlimit: { args: ['int', 'int', 'ptr', 'ptr'], returns: 'int' },
    read: { args: ['int', 'ptr', 'u64'], returns: 'i64' },
    readlink: { args: ['ptr', 'ptr', 'u64'], returns: 'i64' },
    realpath: { args: ['ptr', 'ptr'], returns: 'ptr' },
    setsid: { args: [], returns: 'int' },
    posix_spawn_file_actions_addopen: { args: ['ptr', 'int', 'ptr', 'int', 'u32'], returns: 'int' },
    posix_spawn_file_actions_destroy: { args: ['ptr'], returns: 'int' },
    posix_spawn_file_actions_init: { args: ['ptr'], returns: 'int' },
    posix_spawn: { args: ['ptr', 'ptr', 'ptr', 'ptr', 'ptr', 'ptr'], returns: 'int' },
    sigprocmask: { args: ['int', 'ptr', 'ptr'], returns: 'int' },
    statfs: { args: ['ptr', 'ptr'], returns: 'int' },
    strerror: { args: ['int'], returns: 'cstring' },
    syscall: { args: ['i64', 'i64', 'i64', 'i64', 'i64', 'i64'], returns: 'i64' },
    waitpid: { args: ['int', 'ptr', 'int'], returns: 'int' },
    write: { args: ['int', 'ptr', 'u64'], returns: 'i64' },
  }),
)

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

function outcome(result: number | bigint): number {
  return result >= 0 ? Number(result) : lastError()
}

function lastError(): number {
  const address = c.__errno_location()
  return address === null ? -EPERM : -read.i32(address, 0)
}

/**
 * Bytes as text, one character each (Latin-1): for C strings that need not be UTF-8, such as arguments and environment.
 */
export type ByteText = string

// The first use of `Buffer` takes a quarter of a millisecond, so short commands do without it.
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** The text in UTF-8. */
export const utf8 = (text: string): Bytes => encoder.encode(text)

/** The text of bytes in UTF-8. Bytes that are not UTF-8 are replaced. */
export const utf8Text = (bytes: Uint8Array): string => decoder.decode(bytes)

export const cString = (text: string): Bytes => utf8(`${text}\0`)

export function cBytes(text: ByteText): Bytes {
  const bytes = cString(text)
  const isAscii = bytes.length === text.length + 1
  return isAscii ? bytes : Buffer.from(`${text}\0`, 'latin1')
}

/** The text up to the first NUL. */
export function textAt(bytes: Uint8Array, offset = 0): string {
  const end = bytes.indexOf(0, offset)
  return utf8Text(bytes.subarray(offset, end < 0 ? bytes.length : end))
}

export const addressOf = (bytes: Uint8Array | Uint32Array): number => Number(ptr(bytes))

const AT_EXECFN = 31

/** The path from which this program was executed, links included (getauxval(3)); null if there is none. */
export function executedPath(): string | null {
  const path = c.getauxval(AT_EXECFN)
  return path === null ? null : String(new CString(path))
}

export const effectiveUid = (): number => c.geteuid()
export const parentPid = (): number => c.getppid()
export const kill = (pid: number, signal: number): number => outcome(c.kill(pid, signal))

export const open = (path: string, flags: number): number =>
  outcome(c.open(cString(path), flags | O_CLOEXEC, 0))

/** Opens a file for writing; creates it if it does not exist. */
export const createFile = (path: string, mode: number): number =>
  outcome(c.open(cString(path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode))

export const close = (fd: number): number => outcome(c.close(fd))

export const fcntl = (fd: number, command: number, argument: number): number =>
  outcome(c.fcntl(fd, command, argument))

export const readInto = (fd: number, buffer: Bytes): number => outcome(c.read(fd, buffer, buffer.length))
export const write = (fd: number, bytes: Bytes): number => outcome(c.write(fd, bytes, bytes.length))
export const isTerminal = (fd: number): boolean => c.isatty(fd) === 1
export const ioctl = (fd: number, request: number, argument: Bytes | Uint16Array<ArrayBuffer>): number =>
  outcome(c.ioctl(fd, request, argument))
export const poll = (
  descriptors: Bytes | Int32Array<ArrayBuffer>,
  count: number,
  timeoutMs: number,
): number => outcome(c.poll(descriptors, count, timeoutMs))

/** Returns the length of the link's target. */
export const readLinkInto = (path: string, buffer: Bytes): number =>
  outcome(c.readlink(cString(path), buffer, buffer.length))

/** Checks the rights of the effective user, as execve does. */
export const access = (path: ByteText, mode: number): number => outcome(c.euidaccess(cBytes(path), mode))

/** 0 if the path exists and this process may look it up. */
export const findPath = (path: string): number => outcome(c.euidaccess(cString(path), F_OK))

/** The path without links, or null if it does not exist. */
export function realPath(path: string): string | null {
  const resolved = new Uint8Array(4096)
  return c.realpath(cString(path), resolved) === null ? null : textAt(resolved)
}

export const newSession = (): number => outcome(c.setsid())

/** Fills a `struct timespec`. */
export function clockInto(clock: number, timespec: Uint32Array<ArrayBuffer>): void {
  c.clock_gettime(clock, timespec)
}

export interface FileStatus {
  readonly uid: number
  readonly gid: number
  /** Type and permissions, as in `st_mode`. */
  readonly mode: number
  /** Number of hard links. */
  readonly links: number
  readonly inode: () => bigint
  /** The file system of the inode. */
  readonly device: string
  readonly size: number
}

/**
 * The status of an open descriptor or of a path; if the path ends in a link, of the link itself. Opens nothing, so a
 * pipe cannot block. A negated errno on failure. Calls statx(2) by number, because old C libraries lack it.
 */
export function statusOf(target: string | number): FileStatus | number {
  const [fd, name, flags] =
    typeof target === 'number'
      ? ([target, cString(''), AT_EMPTY_PATH] as const)
      : ([AT_FDCWD, cString(target), AT_SYMLINK_NOFOLLOW] as const)
  /** `struct statx`. */
  const status = new Uint32Array(64)
  const result = outcome(
    c.syscall(onArm ? 291 : 332, fd, addressOf(name), flags, STATX_BASIC_STATS, addressOf(status)),
  )
  if (result < 0) return result
  const word = (at: number): number => status[at / 4] ?? 0
  return {
    links: word(16),
    uid: word(20),
    gid: word(24),
    mode: word(28) & 0xffff,
    size: word(40) + word(44) * 2 ** 32,
    inode: () => BigInt(word(32)) | (BigInt(word(36)) << 32n),
    device: `${word(136)}:${word(140)}`,
  }
}

/**
 * Takes a shared lock on bytes of an open file, without waiting (F_OFD_SETLK). The lock lasts until this descriptor is
 * closed. Closing another descriptor of the file does not end it.
 */
export const lockShared = (fd: number, start: number, length: number): number =>
  fcntl(fd, F_OFD_SETLK, addressOf(sharedLock(start, length)))

/** Whether another process prevents a shared lock (F_GETLK). */
export function isLockedByOther(fd: number, start: number, length: number): boolean {
  const lock = sharedLock(start, length)
  return fcntl(fd, F_GETLK, addressOf(lock)) === 0 && lock[0] !== F_UNLCK
}

/** A `struct flock`. */
function sharedLock(start: number, length: number): Uint8Array {
  const lock = new DataView(new ArrayBuffer(32))
  lock.setInt16(0, F_RDLCK, true)
  lock.setBigInt64(8, BigInt(start), true)
  lock.setBigInt64(16, BigInt(length), true)
  return new Uint8Array(lock.buffer)
}

/** Locks an open file or folder exclusively, without waiting: flock(2) by number. */
export const lockExclusive = (fd: number): number =>
  outcome(c.syscall(onArm ? 32 : 73, fd, LOCK_EX | LOCK_NB, 0, 0, 0))

/** Fills a `struct statfs`. */
export const statfsInto = (path: string, buffer: Bytes): number => outcome(c.statfs(cString(path), buffer))

export const inotifyInit = (): number => outcome(c.inotify_init1(O_CLOEXEC | O_NONBLOCK))
export const inotifyAdd = (fd: number, path: string, mask: number): number =>
  outcome(c.inotify_add_watch(fd, cString(path), mask))

/** Fills the buffer with a socket option and returns its length. getsockopt(2) by number, because few commands need it. */
export function socketOption(fd: number, level: number, name: number, buffer: Bytes): number {
  const length = new Uint8Array(4)
  const view = new DataView(length.buffer)
  view.setUint32(0, buffer.length, true)
  const got = outcome(c.syscall(onArm ? 209 : 55, fd, level, name, addressOf(buffer), addressOf(length)))
  return got < 0 ? got : view.getUint32(0, true)
}

/** Fills a `struct sockaddr` with the other end of a connection. */
export const peerInto = (fd: number, address: Bytes): number => {
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, address.length, true)
  return outcome(c.syscall(onArm ? 205 : 52, fd, addressOf(address), addressOf(length), 0, 0))
}

/** Sockets are by number, because only the daemon and its clients need them. */
export const streamSocket = (family: number): number =>
  outcome(c.syscall(onArm ? 198 : 41, family, SOCK_STREAM | O_CLOEXEC, 0, 0, 0))
/** The longest time that a call on this socket blocks (SO_SNDTIMEO, a `struct timeval`). */
export function setSendTimeout(fd: number, ms: number): number {
  // Two numbers of 64 bits.
  const time = new Uint32Array([Math.floor(ms / 1000), 0, (ms % 1000) * 1000, 0])
  return outcome(
    c.syscall(
      onArm ? 208 : 54,
      fd,
      SOL_SOCKET,
      SO_SNDTIMEO,
      addressOf(new Uint8Array(time.buffer)),
      time.byteLength,
    ),
  )
}
export const bind = (fd: number, address: Bytes): number =>
  outcome(c.syscall(onArm ? 200 : 49, fd, addressOf(address), address.length, 0, 0))
export const connect = (fd: number, address: Bytes): number =>
  outcome(c.syscall(onArm ? 203 : 42, fd, addressOf(address), address.length, 0, 0))
export const listen = (fd: number, backlog: number): number =>
  outcome(c.syscall(onArm ? 201 : 50, fd, backlog, 0, 0, 0))
/** The new descriptor never blocks. */
export const accept = (fd: number): number =>
  outcome(c.syscall(onArm ? 242 : 288, fd, 0, 0, O_NONBLOCK | O_CLOEXEC, 0))
/** sendto(2) without a signal for a closed connection. */
export const send = (fd: number, bytes: Uint8Array): number =>
  outcome(c.syscall(onArm ? 206 : 44, fd, addressOf(bytes), bytes.length, MSG_NOSIGNAL, 0))

/** Ends both directions of a connection. A pending read of it then returns its end. */
export const shutDown = (fd: number): number => outcome(c.syscall(onArm ? 210 : 48, fd, 2, 0, 0, 0))

/** Two connected sockets, and a pipe: the numbers of both ends. By number, because only calls of other hosts need them. */
export const socketPair = (ends: Int32Array<ArrayBuffer>): number =>
  outcome(c.syscall(onArm ? 199 : 53, AF_UNIX, SOCK_STREAM | O_CLOEXEC, 0, ptr(ends), 0))
export const pipe = (ends: Int32Array<ArrayBuffer>): number =>
  outcome(c.syscall(onArm ? 59 : 293, ptr(ends), O_CLOEXEC, 0, 0, 0))

/** chdir(2) by number, for a path of any bytes. */
export const changeFolder = (path: ByteText): number =>
  outcome(c.syscall(onArm ? 49 : 80, addressOf(cBytes(path)), 0, 0, 0, 0))

/** The wait status of a child that has ended; null if it still runs. */
export function reap(pid: number): { readonly status: number } | null {
  const status = new Int32Array(1)
  return c.waitpid(pid, status, WNOHANG) === pid ? { status: status[0] ?? 0 } : null
}

/** The kernel sends this signal when the thread that started this process ends: prctl(2) by number, PR_SET_PDEATHSIG. */
export const setParentDeathSignal = (signal: number): number =>
  outcome(c.syscall(onArm ? 167 : 157, 1, signal, 0, 0, 0))

/** By number, like the two below: only the daemon needs them. */
export const epollCreate = (): number => outcome(c.syscall(onArm ? 20 : 291, O_CLOEXEC, 0, 0, 0, 0))
export const epollControl = (epoll: number, operation: number, fd: number, event: Bytes): number =>
  outcome(c.syscall(onArm ? 21 : 233, epoll, operation, fd, addressOf(event), 0))
/** epoll_pwait(2) without a signal mask; -1 is no timeout. */
export const epollWait = (epoll: number, events: Bytes, most: number, timeoutMs: number): number =>
  outcome(c.syscall(onArm ? 22 : 281, epoll, addressOf(events), most, timeoutMs, 0))

/** pidfd_open(2); number 434 on every architecture. */
export const pidfdOpen = (pid: number): number => outcome(c.syscall(434, pid, 0, 0, 0, 0))

/** pidfd_send_signal(2); number 424 on every architecture. Signal 0 only checks. */
export const pidfdSendSignal = (pidfd: number, signal: number): number =>
  outcome(c.syscall(424, pidfd, signal, 0, 0, 0))

/** getdents64(2) by number: glibc wraps it only since 2.30. */
export const directoryEntriesInto = (fd: number, buffer: Bytes): number =>
  outcome(c.syscall(onArm ? 61 : 217, fd, addressOf(buffer), buffer.length, 0, 0))

/**
 * Exits at once, without the exit code of the runtime. The runtime would first checkpoint every open database, with
 * several syncs, even while other processes have it open and wait for a lock.
 */
export function exitNow(status: number): void {
  c._exit(status)
}

/**
 * Sets a signal to SIG_IGN or SIG_DFL. Calls rt_sigaction(2) by number, because glibc rejects the two signals that it
 * reserves (32 and 33), which are inherited like the others. Without a handler, all other members of the kernel's
 * structure are zero, so the layout is the same on both architectures.
 */
export function setDisposition(signal: number, disposition: 'default' | 'ignore'): number {
  const action = new BigUint64Array(4)
  action[0] = disposition === 'ignore' ? 1n : 0n
  return outcome(c.syscall(onArm ? 134 : 13, signal, ptr(action), 0, SIGNAL_SET_BYTES, 0))
}

/** Bit n - 1 stands for signal n, as in `/proc/<pid>/status`. */
export function setBlockedSignals(mask: bigint): number {
  const set = new BigUint64Array(16)
  set[0] = mask
  return outcome(c.sigprocmask(SIG_SETMASK, set, null))
}

/** `struct rlimit64`: soft, hard. Null for `set` changes nothing, and null for `previous` returns nothing. */
export const resourceLimit = (
  resource: number,
  set: BigUint64Array<ArrayBuffer> | null,
  previous: BigUint64Array<ArrayBuffer> | null,
): number => outcome(c.prlimit(0, resource, set, previous))

/** A null-terminated array of pointers to C strings, and the memory that they point to. */
export function pointers(strings: readonly ByteText[]): { block: Bytes; array: BigUint64Array<ArrayBuffer> } {
  const block = cBytes(strings.join('\0'))
  const array = new BigUint64Array(strings.length + 1)
  let address: number = ptr(block)
  for (let at = 0; at < strings.length; at++) {
    array[at] = BigInt(address)
    address += (strings[at] ?? '').length + 1
  }
  return { block, array }
}

/** Returns only on failure. */
export function execve(
  program: ByteText,
  args: readonly ByteText[],
  environment: readonly ByteText[],
): number {
  return outcome(c.execve(cBytes(program), pointers(args).array, pointers(environment).array))
}

/**
 * No account has this id: systemd and distributions assign none above 2^31. So no account may signal a process with it.
 */
const UNASSIGNED_UID = 0xffff_fff0

/**
 * Gives this process, with all its threads, the rights of another account without supplementary groups; final. The
 * account cannot stop, kill or trace this process: the kernel compares the sender with the real and the saved uid of the
 * target, and only the effective uid is the account's. The C library's functions are loaded only here: the system calls
 * themselves change one thread only.
 */
export function takeRightsOf(uid: number, gid: number): void {
  const { setgroups, setresgid, setresuid } = symbolsOf('libc.so.6', {
    setgroups: { args: ['u64', 'ptr'], returns: 'int' },
    setresgid: { args: ['u32', 'u32', 'u32'], returns: 'int' },
    setresuid: { args: ['u32', 'u32', 'u32'], returns: 'int' },
  })
  const isDone =
    setgroups(0, null) === 0 &&
    setresgid(gid, gid, gid) === 0 &&
    setresuid(UNASSIGNED_UID, uid, UNASSIGNED_UID) === 0
  if (!isDone) throw new Error(`cannot take the rights of uid ${uid}`)
}

/** pidfd_getfd(2); number 438 on every architecture. A copy of a descriptor of that process. */
export const pidfdGetDescriptor = (pidfd: number, fd: number): number =>
  outcome(c.syscall(438, pidfd, fd, 0, 0, 0))

/** Larger than `posix_spawn_file_actions_t` in any C library. */
export const FILE_ACTIONS_BYTES = 256

/**
 * Runs a program with `/dev/null` for its standard streams and waits for its exit. It inherits our signal dispositions
 * and signal mask, and our other descriptors that are not close-on-exec. Returns its wait status: 0 for a clean exit,
 * or for any exit if SIGCHLD is ignored, because the kernel then keeps no status.
 */
export function spawnAndWait(
  program: ByteText,
  args: readonly ByteText[],
  environment: readonly ByteText[],
): number {
  const pid = new Int32Array(1)
  const argv = pointers(args)
  const envp = pointers(environment)
  const actions = new Uint8Array(FILE_ACTIONS_BYTES)
  c.posix_spawn_file_actions_init(actions)
  for (const fd of [0, 1, 2]) {
    c.posix_spawn_file_actions_addopen(actions, fd, cString('/dev/null'), O_RDWR, 0)
  }
  // posix_spawn(3) returns an errno.
  const failure = c.posix_spawn(pid, cBytes(program), actions, null, argv.array, envp.array)
  c.posix_spawn_file_actions_destroy(actions)
  if (failure !== 0) return -failure
  const status = new Int32Array(1)
  for (;;) {
    const waited = outcome(c.waitpid(pid[0] ?? -1, status, 0))
    if (waited >= 0 || waited === -ECHILD) return status[0] ?? 0
    if (waited !== -EINTR) return waited
  }
}

/** The text of perror(3). */
export const errorText = (errno: number): string => String(c.strerror(errno))
