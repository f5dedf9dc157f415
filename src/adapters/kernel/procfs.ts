import { close, directoryEntriesInto, O_RDONLY, open, readInto } from './libc/descriptors.ts'
import { EINTR } from './libc/errno.ts'
import { type ByteText, textAt, utf8Text } from './libc/memory.ts'
import { readLinkInto } from './libc/paths.ts'

/**
 * Reads small files of the kernel without `node:fs`, whose import alone costs a millisecond. A file that cannot be read
 * (gone, hidden, forbidden) is null: that is common for other processes.
 */

/** One character per byte, so no byte is lost or invalid. */
export function readText(path: string): ByteText | null {
  const fd = open(path, O_RDONLY)
  if (fd < 0) return null
  try {
    return readToEnd(fd)
  } finally {
    close(fd)
  }
}

export function readLink(path: string): string | null {
  const link = readLinkOrError(path)
  return typeof link === 'string' ? link : null
}

/** The target of a link, or the negated errno. */
export function readLinkOrError(path: string): string | number {
  const buffer = new Uint8Array(4096)
  const length = readLinkInto(path, buffer)
  return length < 0 ? length : utf8Text(buffer.subarray(0, length))
}

/**
 * The entries whose names are numbers: processes in `/proc`, descriptors in `/proc/self/fd`. Empty if the folder cannot
 * be read to its end, because with a part of the list a living process would count as gone.
 */
export function listNumbers(directory: string): number[] {
  const fd = open(directory, O_RDONLY)
  if (fd < 0) return []
  try {
    return numbersIn(fd)
  } finally {
    close(fd)
  }
}

function readToEnd(fd: number): ByteText | null {
  const buffer = new Uint8Array(8192)
  let text = ''
  for (;;) {
    const count = readInto(fd, buffer)
    if (count === 0) return text
    if (count > 0) text += latin1Text(buffer.subarray(0, count))
    else if (count !== -EINTR) return null
  }
}

/** The bytes are few enough for the arguments of one call. */
const latin1Text = (bytes: Uint8Array): string =>
  String.fromCharCode.apply(null, bytes as unknown as number[])

/** `struct linux_dirent64`: d_reclen at byte 16, the name from byte 19 on. */
function numbersIn(fd: number): number[] {
  const numbers: number[] = []
  const buffer = new Uint8Array(32768)
  const view = new DataView(buffer.buffer)
  for (;;) {
    const length = directoryEntriesInto(fd, buffer)
    if (length < 0) return []
    if (length === 0) return numbers
    for (let at = 0; at < length; at += view.getUint16(at + 16, true)) {
      const first = buffer[at + 19]
      if (first !== undefined && first >= 0x30 && first <= 0x39) numbers.push(Number(textAt(buffer, at + 19)))
    }
  }
}

/** The name of this machine, or of its UTS namespace. */
export const hostname = (): string => readText('/proc/sys/kernel/hostname')?.trim() ?? 'localhost'
