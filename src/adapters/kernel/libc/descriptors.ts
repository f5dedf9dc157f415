import { ptr } from 'bun:ffi'
import { c, onArm, outcome } from './library.ts'
import { addressOf, type Bytes, cString } from './memory.ts'

export const O_RDONLY = 0
export const O_WRONLY = 1
export const O_RDWR = 2
const O_CREAT = 0o100
export const O_NOCTTY = 0o400
export const O_APPEND = 0o2000
export const O_NONBLOCK = 0o4000
export const O_CLOEXEC = 0o2000000
/** Names a file without opening it. */
export const O_PATH = 0o10000000
export const O_NOFOLLOW = onArm ? 0o100000 : 0o400000

export const F_SETFD = 2
export const F_SETFL = 4
export const FD_CLOEXEC = 1
export const F_DUPFD_CLOEXEC = 1030

const F_RDLCK = 0
const F_UNLCK = 2
const F_GETLK = 5
const F_OFD_SETLK = 37
const LOCK_EX = 2
const LOCK_NB = 4

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
export const poll = (
  descriptors: Bytes | Int32Array<ArrayBuffer>,
  count: number,
  timeoutMs: number,
): number => outcome(c.poll(descriptors, count, timeoutMs))

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

/** The numbers of both ends. By number, because only calls of other hosts need it. */
export const pipe = (ends: Int32Array<ArrayBuffer>): number =>
  outcome(c.syscall(onArm ? 59 : 293, ptr(ends), O_CLOEXEC, 0, 0, 0))

/** getdents64(2) by number: glibc wraps it only since 2.30. */
export const directoryEntriesInto = (fd: number, buffer: Bytes): number =>
  outcome(c.syscall(onArm ? 61 : 217, fd, addressOf(buffer), buffer.length, 0, 0))
