import type { Millis } from '../../domain/pool/model.ts'
import { Refusal } from '../errors.ts'

/** Wrong passwords without a delay, unless many addresses guess. */
const FREE = 10
const FREE_IN_ALL = 200
/** One wrong password in all is forgotten in this time. */
const FORGOTTEN_IN_ALL_MS: Millis = 1_000
const FIRST_DELAY_MS: Millis = 50
const LONGEST_DELAY_MS: Millis = 500
/** Delayed answers at once, by address and in all. */
const MOST_HELD = 4
const MOST_HELD_IN_ALL = 256
const FORGOTTEN_AFTER_MS: Millis = 10 * 60_000
const MOST_ADDRESSES = 10_000

interface Guesser {
  wrong: number
  held: number
  at: Millis
}

/**
 * Slows down the guessing of a password: each wrong password of an address is answered later than the one before.
 * While several answers of an address are delayed, its further passwords are refused without a check. A right
 * password is answered at once, and an address without a wrong password is never refused.
 */
export class Guesses {
  /** In the order of the last guess. */
  readonly #guessers = new Map<string, Guesser>()
  readonly #clock: () => Millis
  #held = 0
  #inAll = 0
  #lastAt: Millis = 0

  constructor(clock: () => Millis) {
    this.#clock = clock
  }

  /** The number of remembered addresses. */
  get size(): number {
    return this.#guessers.size
  }

  /** Throws a `Refusal` where no password from this address may be checked now. */
  admit(address: string): void {
    const guesser = this.#guessers.get(networkOf(address))
    if (guesser === undefined || guesser.held === 0) return
    if (guesser.held < MOST_HELD && this.#held < MOST_HELD_IN_ALL) return
    throw new Refusal('too-many-guesses', 'Too many wrong passwords from this address', {
      hint: 'try again in a few seconds',
      headers: { 'retry-after': '1' },
    })
  }

  /** Resolves when the answer to a wrong password may be given. */
  async wrong(address: string): Promise<void> {
    const guesser = this.#noted(networkOf(address))
    const beyond = guesser.wrong - (this.#inAll > FREE_IN_ALL ? 0 : FREE)
    if (beyond <= 0) return
    guesser.held++
    this.#held++
    await Bun.sleep(Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(beyond - 1, 10)))
    guesser.held--
    this.#held--
  }

  #noted(network: string): Guesser {
    const now = this.#clock()
    this.#inAll = Math.max(0, this.#inAll - (now - this.#lastAt) / FORGOTTEN_IN_ALL_MS) + 1
    this.#lastAt = now
    const known = this.#guessers.get(network)
    const isRecent = known !== undefined && (known.held > 0 || now - known.at < FORGOTTEN_AFTER_MS)
    const guesser = isRecent ? known : { wrong: 0, held: 0, at: now }
    guesser.wrong++
    guesser.at = now
    this.#guessers.delete(network)
    this.#guessers.set(network, guesser)
    for (const oldest of this.#guessers.keys()) {
      if (this.#guessers.size <= MOST_ADDRESSES) break
      this.#guessers.delete(oldest)
    }
    return guesser
  }
}

/** One customer has a whole /64 of IPv6 addresses. */
function networkOf(address: string): string {
  const mapped = address.replace(/^::ffff:(?=[\d.]+$)/i, '')
  if (!mapped.includes(':')) return mapped
  const [head = '', tail] = mapped.split('::')
  const groups = head.split(':').filter((group) => group !== '')
  const after = tail === undefined ? [] : tail.split(':').filter((group) => group !== '')
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - after.length) }, () => '0')
  return [...groups, ...zeros, ...after].slice(0, 4).join(':')
}
