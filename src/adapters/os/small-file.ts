import * as libc from './libc.ts'

export type NotRead = { readonly kind: 'too-large' } | { readonly kind: 'failed'; readonly reason: string }

const POLL_IN = 1

/**
 * The text of a file that a person named: a regular file, or whatever else can be read (`<(…)`, `/dev/null`). It
 * may be a folder, endless, or a pipe to which nobody ever writes: none of these holds us up. What is not UTF-8
 * is replaced.
 */
export function readSmallFile(path: string, mostBytes: number): string | NotRead {
  const fd = libc.open(path, libc.O_RDONLY | libc.O_NONBLOCK | libc.O_NOCTTY)
  if (fd < 0) return failed(fd)
  try {
    return readUpTo(fd, mostBytes)
  } finally {
    libc.close(fd)
  }
}

function readUpTo(fd: number, mostBytes: number): string | NotRead {
  const buffer = new Uint8Array(65_536)
  const decoder = new TextDecoder()
  let text = ''
  for (let size = 0; ; ) {
    const count = libc.readInto(fd, buffer)
    if (count === 0) return text + decoder.decode()
    if (count > 0) {
      size += count
      if (size > mostBytes) return { kind: 'too-large' }
      text += decoder.decode(buffer.subarray(0, count), { stream: true })
    } else if (count === -libc.EAGAIN) {
      if (!comesSomething(fd)) return { kind: 'failed', reason: 'nothing comes out of it' }
    } else if (count !== -libc.EINTR) return failed(count)
  }
}

/** Long enough for whatever computes it. */
const PATIENCE_MS = 10_000

function comesSomething(fd: number): boolean {
  const polled = new Uint8Array(8)
  const view = new DataView(polled.buffer)
  view.setInt32(0, fd, true)
  view.setInt16(4, POLL_IN, true)
  return libc.poll(polled, 1, PATIENCE_MS) !== 0
}

const failed = (negatedErrno: number): NotRead => ({ kind: 'failed', reason: libc.errorText(-negatedErrno) })
