import { createHash, timingSafeEqual } from 'node:crypto'
import type { Millis } from '../../domain/pool/model.ts'
import { Refusal } from '../errors.ts'
import { Guesses } from './guesses.ts'
import type { Peer } from './listen.ts'

/** The passwords from the configuration; null: none is needed. */
export interface Access {
  readonly token: string | null
  /** `user:password`. */
  readonly basic: string | null
}

export interface GuardOptions {
  readonly access: Access
  /** Bound to loopback: a request with another host name comes from a foreign page (DNS rebinding). */
  readonly loopback: boolean
  /** Steady time. */
  readonly clock: () => Millis
}

/** Longer than every address of the server. */
const LONGEST_URL = 2_048

/** Throws or rejects with a `Refusal` for a request that is not allowed. */
export type Guard = (request: Request, peer: () => Peer | null) => undefined | Promise<never>

export function openGuard({ access, loopback, clock }: GuardOptions): Guard {
  const isAllowed = credentialCheck(access)
  const guesses = new Guesses(clock)
  const hasPassword = access.token !== null || access.basic !== null
  return (request, peer) => {
    if (request.url.length > LONGEST_URL) {
      throw new Refusal('url-too-long', `The URL is longer than ${LONGEST_URL} characters`)
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new Refusal('method-not-allowed', `${request.method} is not answered: this page only shows`, {
        headers: { allow: 'GET, HEAD' },
      })
    }
    const host = request.headers.get('host')
    // Two headers arrive as one with a comma. Only HTTP/1.0 may omit it.
    if (!URL.canParse(request.url) || host?.includes(',')) {
      throw new Refusal('bad-request', 'The Host header does not name one host')
    }
    if (loopback && host !== null && !isLoopbackHost(host)) {
      throw new Refusal('host-not-allowed', 'This server is for its own machine only', {
        hint: 'open http://localhost, or start it with --host 0.0.0.0',
      })
    }
    if (!hasPassword || new URL(request.url).pathname === '/healthz') return
    const authorization = request.headers.get('authorization')
    if (authorization === null) throw passwordNeeded()
    const address = peer()?.address ?? ''
    guesses.admit(address)
    if (isAllowed(authorization)) return
    return guesses.wrong(address).then(() => {
      throw passwordNeeded()
    })
  }
}

function passwordNeeded(): Refusal {
  return new Refusal('unauthorized', 'A password is needed', {
    hint: 'with web.token: Authorization: Bearer <token>, or the token as password in a browser',
    headers: { 'www-authenticate': 'Basic realm="canhazgpu", charset="UTF-8", Bearer realm="canhazgpu"' },
  })
}

/** `localhost`, `127.0.0.1:8080`, `[::1]` … */
export function isLoopbackHost(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i.test(host)
}

/** A browser cannot send a bearer token, so the token is also accepted as the password of any user. */
function credentialCheck({ token, basic }: Access): (authorization: string) => boolean {
  return (authorization) => {
    const [scheme, value = ''] = splitOnce(authorization, ' ')
    if (scheme.toLowerCase() === 'bearer') return token !== null && isSame(value.trim(), token)
    if (scheme.toLowerCase() !== 'basic') return false
    const given = Buffer.from(value.trim(), 'base64').toString('utf8')
    const [, password = ''] = splitOnce(given, ':')
    return (basic !== null && isSame(given, basic)) || (token !== null && isSame(password, token))
  }
}

/** Takes the same time wherever the two texts differ. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}

function splitOnce(text: string, separator: string): readonly [string, string?] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
