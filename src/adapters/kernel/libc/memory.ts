import { ptr } from 'bun:ffi'

export type Bytes = Uint8Array<ArrayBuffer>

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

export const addressOf = (
  bytes: Uint8Array | Int32Array | Uint16Array | Uint32Array | BigUint64Array,
): number => Number(ptr(bytes))

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
