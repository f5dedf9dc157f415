import {
  close,
  O_NOCTTY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  open,
  poll,
  readInto,
} from '../kernel/libc/descriptors.ts'
import { EAGAIN, EINTR } from '../kernel/libc/errno.ts'
import { errorText } from '../kernel/libc/library.ts'
import { type FileStatus, statusOf } from '../kernel/libc/paths.ts'

export type NotRead =
  | { readonly kind: 'too-large' }
  | { readonly kind: 'failed'; readonly reason: string; readonly errno?: number }
  | { readonly kind: 'refused'; readonly reason: string }

/** The reason not to read a file of this status; undefined to read it. */
export type Refuse = (status: FileStatus) => string | undefined

const POLL_IN = 1

/**
 * The text of a file that a person named: a regular file, or anything else that can be read (`<(…)`, `/dev/null`). A
 * folder, an endless file or a pipe without a writer does not block. Bytes that are not UTF-8 are replaced.
 */
export function readSmallFile(path: string, mostBytes: number): string | NotRead {
  return using(path, READ, (fd) => readUpTo(fd, mostBytes))
}

/** Like `readSmallFile`, but `refuse` decides by the status of the file, and the status is returned. */
export function readExamined(
  path: string,
  mostBytes: number,
  refuse: Refuse,
): { readonly text: string; readonly status: FileStatus } | NotRead {
  // Opening a device can have an effect, so the first descriptor only names the file.
  const named = using(path, O_PATH, (fd) => examined(fd, refuse))
  if ('kind' in named) return named
  return using(path, READ, (fd) => {
    const status = examined(fd, refuse)
    if ('kind' in status) return status
    const text = readUpTo(fd, mostBytes)
    return typeof text === 'string' ? { text, status } : text
  })
}

const READ = O_RDONLY | O_NONBLOCK | O_NOCTTY

function using<Result>(path: string, flags: number, use: (fd: number) => Result): Result | NotRead {
  const fd = open(path, flags)
  if (fd < 0) return failed(fd)
  try {
    return use(fd)
  } finally {
    close(fd)
  }
}

function examined(fd: number, refuse: Refuse): FileStatus | NotRead {
  const status = statusOf(fd)
  if (typeof status === 'number') return failed(status)
  const reason = refuse(status)
  return reason === undefined ? status : { kind: 'refused', reason }
}

function readUpTo(fd: number, mostBytes: number): string | NotRead {
  const buffer = new Uint8Array(65_536)
  const decoder = new TextDecoder()
  let text = ''
  for (let size = 0; ; ) {
    const count = readInto(fd, buffer)
    if (count === 0) return text + decoder.decode()
    if (count > 0) {
      size += count
      if (size > mostBytes) return { kind: 'too-large' }
      text += decoder.decode(buffer.subarray(0, count), { stream: true })
    } else if (count === -EAGAIN) {
      if (!hasData(fd)) return { kind: 'failed', reason: 'it has no data' }
    } else if (count !== -EINTR) return failed(count)
  }
}

/** How long to wait for the program that writes to a pipe. */
const PIPE_WAIT_MS = 10_000

function hasData(fd: number): boolean {
  const polled = new Uint8Array(8)
  const view = new DataView(polled.buffer)
  view.setInt32(0, fd, true)
  view.setInt16(4, POLL_IN, true)
  return poll(polled, 1, PIPE_WAIT_MS) !== 0
}

const failed = (negatedErrno: number): NotRead => ({
  kind: 'failed',
  errno: -negatedErrno,
  reason: errorText(-negatedErrno),
})
