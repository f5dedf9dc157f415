import type { Millis } from '../../domain/pool/model.ts'
import { HttpError } from '../errors.ts'

/** The number of wrong passwords of one address that are answered without a delay. */
const FREE = 10
/** If there are more recent wrong passwords from all addresses together, even the first one of an address is delayed. */
const FREE_IN_TOTAL = 200
/** The total decreases by one in this time. */
const FORGET_ONE_MS: Millis = 1_000
const FIRST_DELAY_MS: Millis = 50
const LONGEST_DELAY_MS: Millis = 500
/** The most answers that are delayed at the same time, by address and in total. */
const MOST_DELAYED = 4
const MOST_DELAYED_IN_TOTAL = 256
/** The wrong passwords of an address are forgotten this long after the last one. */
const FORGET_ADDRESS_MS: Millis = 10 * 60_000
const MOST_ADDRESSES = 10_000

interface Guesser {
  wrong: number
  /** The number of answers that are delayed now. */
  delayed: number
  /** Time of the last wrong password. */
  at: Millis
}

/**
 * Slows down the guessing of passwords. The delay before the answer grows with each wrong password from an address.
 * While several answers to an address are delayed, its next passwords are refused without a check. The right password
 * is answered at once, and an address that sent no wrong password is never refused.
 */
export class Guesses {
  /** By network, in the order of their last wrong passwords. */
  readonly #guessers = new Map<string, Guesser>()
  readonly #clock: () => Millis
  #delayed = 0
  #total = 0
  #lastAt: Millis = 0

  constructor(clock: () => Millis) {
    this.#clock = clock
  }

  /** The number of remembered addresses. */
  get size(): number {
    return this.#guessers.size
  }

  /** Throws an `HttpError` if a password from this address must not be checked now. */
  admit(address: string): void {
    const guesser = this.#guessers.get(networkOf(address))
    if (guesser === undefined || guesser.delayed === 0) return
    if (guesser.delayed < MOST_DELAYED && this.#delayed < MOST_DELAYED_IN_TOTAL) return
    throw new HttpError('too-many-guesses', 'Too many wrong passwords from this address', {
      hint: 'try again in a few seconds',
      headers: { 'retry-after': '1' },
    })
  }

  /** Counts a wrong password. Resolves when its answer may be sent. */
  async wrong(address: string): Promise<void> {
    const guesser = this.#countWrong(networkOf(address))
    const beyond = guesser.wrong - (this.#total > FREE_IN_TOTAL ? 0 : FREE)
    if (beyond <= 0) return
    guesser.delayed++
    this.#delayed++
    await Bun.sleep(Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(beyond - 1, 10)))
    guesser.delayed--
    this.#delayed--
  }

  #countWrong(network: string): Guesser {
    const now = this.#clock()
    this.#total = Math.max(0, this.#total - (now - this.#lastAt) / FORGET_ONE_MS) + 1
    this.#lastAt = now
    const known = this.#guessers.get(network)
    const isRecent = known !== undefined && (known.delayed > 0 || now - known.at < FORGET_ADDRESS_MS)
    const guesser = isRecent ? known : { wrong: 0, delayed: 0, at: now }
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

/** An IPv4 address, or the /64 network of an IPv6 address: one customer has all addresses of it. */
function networkOf(address: string): string {
  const mapped = address.replace(/^::ffff:(?=[\d.]+$)/i, '')
  if (!mapped.includes(':')) return mapped
  const [head = '', tail] = mapped.split('::')
  const groups = head.split(':').filter((group) => group !== '')
  const after = tail === undefined ? [] : tail.split(':').filter((group) => group !== '')
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - after.length) }, () => '0')
  return [...groups, ...zeros, ...after].slice(0, 4).join(':')
}
