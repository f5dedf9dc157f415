import type { CanhazgpuError } from '../../domain/errors.ts'
import { FROM_HOST, frame, GREETING } from '../../domain/fleet/frames.ts'
import { write } from '../kernel/libc/descriptors.ts'
import { EINTR } from '../kernel/libc/errno.ts'
import { utf8 } from '../kernel/libc/memory.ts'

const PIECE_BYTES = 65536

/** The frames of an answer that needs no further word of the caller, on our standard output. */
export class Answer {
  constructor() {
    writeAll(utf8(GREETING))
  }

  /** A whole document, as the output of a command that succeeded. */
  document(text: string): void {
    const bytes = utf8(text)
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      writeAll(frame(FROM_HOST.output, bytes.subarray(at, at + PIECE_BYTES)))
    }
    writeAll(frame(FROM_HOST.end, utf8(JSON.stringify({ code: 0 }))))
  }

  fail(error: CanhazgpuError): void {
    writeAll(frame(FROM_HOST.failure, utf8(JSON.stringify(error))))
  }
}

function writeAll(bytes: Uint8Array<ArrayBuffer>): void {
  let rest = bytes
  while (rest.length > 0) {
    const written = write(1, rest)
    if (written >= 0) rest = rest.subarray(written)
    else if (written !== -EINTR) return
  }
}
