/**
 * The messages between a caller and the host that works for it, over the one byte stream each way that SSH gives. A frame
 * is its kind (one letter), the length of its content (4 bytes, big-endian), and the content.
 */

/** From the caller. */
export const FROM_CALLER = {
  /** It is alive. */
  ping: 'P',
  /** It is alive and wants the GPUs that `granted` announced. */
  go: 'G',
  /** Bytes of the standard input of the command. */
  input: 'I',
  endOfInput: 'E',
  /** A signal for the command: its number in one byte. */
  signal: 'S',
  /** Nobody reads `output` or `errorOutput` any longer: the kind of that frame. */
  closed: 'B',
  /** The size of the terminal: columns and rows, 2 bytes each. */
  size: 'W',
} as const

/** From the host. */
export const FROM_HOST = {
  pong: 'P',
  /** The GPUs are granted. The command starts, or the reservation is kept, after `go`. */
  granted: 'Q',
  output: 'O',
  errorOutput: 'R',
  /** The command has read this many bytes of input (4 bytes): the caller may send as many more. */
  credit: 'C',
  /** How the command ended: an `End` as JSON. The last frame. */
  end: 'X',
  /** Why there is no command: a `Failure` as JSON. The last frame. */
  failure: 'F',
} as const

export type CallerFrame = (typeof FROM_CALLER)[keyof typeof FROM_CALLER]
export type HostFrame = (typeof FROM_HOST)[keyof typeof FROM_HOST]

/** How a process ended. */
export type End = { readonly code: number } | { readonly signal: number }

/** Signals that stop a process or let it go on, so they end none. By their numbers on Linux. */
const ENDS_NOTHING: readonly number[] = [17, 18, 19, 20, 21, 22, 23, 28]
const LAST_SIGNAL = 64

/**
 * How the command ended, as its host reports it. The caller ends in the same way, so a value that no command can end
 * with is an exit status of 1.
 */
export function endIn({ code, signal }: Readonly<Record<string, unknown>>): End {
  if (isWithin(signal, 1, LAST_SIGNAL) && !ENDS_NOTHING.includes(signal)) return { signal }
  return { code: isWithin(code, 0, 255) && signal === undefined ? code : 1 }
}

const isWithin = (value: unknown, least: number, most: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most

/** The host prints this line before its first frame. The shell of the account may have printed other text before. */
export const GREETING = 'canhazgpu-remote 1\n'

/** The caller may send this many bytes of input before the first `credit`. */
export const INPUT_WINDOW = 1 << 20

/** The longest content of a frame. */
export const LONGEST_FRAME = 1 << 20

const HEADER_BYTES = 5
const NOTHING = new Uint8Array()

type Bytes = Uint8Array<ArrayBuffer>

export interface Frame {
  readonly kind: string
  readonly content: Bytes
}

export function frame(kind: CallerFrame | HostFrame, content: Uint8Array = NOTHING): Bytes {
  const bytes = new Uint8Array(HEADER_BYTES + content.length)
  bytes[0] = kind.charCodeAt(0)
  new DataView(bytes.buffer).setUint32(1, content.length)
  bytes.set(content, HEADER_BYTES)
  return bytes
}

/** A frame whose content is numbers of 16 or 32 bits. */
export function numbersFrame(
  kind: CallerFrame | HostFrame,
  bits: 16 | 32,
  numbers: readonly number[],
): Bytes {
  const content = new DataView(new ArrayBuffer((numbers.length * bits) / 8))
  numbers.forEach((number, at) => {
    if (bits === 16) content.setUint16(at * 2, number)
    else content.setUint32(at * 4, number)
  })
  return frame(kind, new Uint8Array(content.buffer))
}

/** The numbers of `numbersFrame`; 0 for each that is missing. */
export function numberIn(content: Uint8Array, bits: 16 | 32, at: number): number {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength)
  const offset = (at * bits) / 8
  if (offset + bits / 8 > content.length) return 0
  return bits === 16 ? view.getUint16(offset) : view.getUint32(offset)
}

/** Cuts a byte stream into frames. */
export class FrameReader {
  #rest: Bytes = new Uint8Array()

  /** The frames that these bytes complete. Throws for a frame that is too long. */
  push(bytes: Uint8Array): readonly Frame[] {
    const all = joined(this.#rest, bytes)
    const view = new DataView(all.buffer)
    const frames: Frame[] = []
    let at = 0
    while (at + HEADER_BYTES <= all.length) {
      const length = view.getUint32(at + 1)
      if (length > LONGEST_FRAME) throw new Error('a frame is too long')
      const end = at + HEADER_BYTES + length
      if (end > all.length) break
      frames.push({ kind: String.fromCharCode(all[at] ?? 0), content: all.slice(at + HEADER_BYTES, end) })
      at = end
    }
    this.#rest = all.slice(at)
    return frames
  }
}

function joined(a: Uint8Array, b: Uint8Array): Bytes {
  const all = new Uint8Array(a.length + b.length)
  all.set(a)
  all.set(b, a.length)
  return all
}
