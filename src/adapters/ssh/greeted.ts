import { type Frame, FrameReader, GREETING } from '../../domain/fleet/frames.ts'
import { utf8Text } from '../kernel/libc/memory.ts'

/** A login shell may print so much before our program starts. */
const MOST_NOISE = 65536

/** Reads the frames of a host, which begin after its greeting. */
export class GreetedFrames {
  readonly #frames = new FrameReader()
  #before = ''
  isGreeted = false

  /** Throws if there is no greeting, or for a frame that is too long. */
  push(bytes: Uint8Array<ArrayBuffer>): readonly Frame[] {
    if (this.isGreeted) return this.#frames.push(bytes)
    this.#before += Buffer.from(bytes).toString('latin1')
    const at = this.#before.indexOf(GREETING)
    if (at < 0) {
      if (this.#before.length > MOST_NOISE) throw new Error('no greeting')
      return []
    }
    this.isGreeted = true
    const rest = this.#before.slice(at + GREETING.length)
    this.#before = ''
    return this.#frames.push(Buffer.from(rest, 'latin1'))
  }
}

/** The fields of a frame in JSON, unchecked. None if the content is no object. */
export function recordIn(content: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(utf8Text(content))
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}
