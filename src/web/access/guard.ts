import { createHash, timingSafeEqual } from 'node:crypto'
import type { Millis } from '../../domain/pool/model.ts'
import { HttpError } from '../errors.ts'
import { Guesses } from './guesses.ts'
import type { Peer } from './listen.ts'

/** The passwords from the configuration. If both are null, no password is required. */
export interface Access {
  readonly token: string | null
  /** `user:password`. */
  readonly basic: string | null
}

export interface GuardOptions {
  readonly access: Access
  /** The server listens on loopback only. A request with another host name is then from a foreign page (DNS rebinding). */
  readonly loopback: boolean
  /** Steady time. */
  readonly clock: () => Millis
}

/** Every address of the server is shorter. */
const LONGEST_URL = 2_048

/** Throws an `HttpError`, or rejects with one, if the request is not allowed. */
export type Guard = (request: Request, peer: () => Peer | null) => undefined | Promise<never>

export function openGuard({ access, loopback, clock }: GuardOptions): Guard {
  const isAllowed = credentialCheck(access)
  const guesses = new Guesses(clock)
  const hasPassword = access.token !== null || access.basic !== null
  return (request, peer) => {
    if (request.url.length > LONGEST_URL) {
      throw new HttpError('url-too-long', `The URL is longer than ${LONGEST_URL} characters`)
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new HttpError(
        'method-not-allowed',
        `${request.method} is not allowed: the dashboard is read-only`,
        {
          headers: { allow: 'GET, HEAD' },
        },
      )
    }
    const host = request.headers.get('host')
    // Two Host headers arrive as one with a comma. Only an HTTP/1.0 request may have none.
    if (!URL.canParse(request.url) || host?.includes(',')) {
      throw new HttpError('bad-request', 'The Host header does not name one host')
    }
    if (loopback && host !== null && !isLoopbackHost(host)) {
      throw new HttpError(
        'host-not-allowed',
        'This server answers only to localhost and loopback addresses',
        {
          hint: 'open http://localhost, or start the server with --host 0.0.0.0',
        },
      )
    }
    if (!hasPassword || new URL(request.url).pathname === '/healthz') return
    const authorization = request.headers.get('authorization')
    if (authorization === null) throw passwordRequired()
    const address = peer()?.address ?? ''
    guesses.admit(address)
    if (isAllowed(authorization)) return
    return guesses.wrong(address).then(() => {
      throw passwordRequired()
    })
  }
}

function passwordRequired(): HttpError {
  return new HttpError('unauthorized', 'A password is required', {
    hint: 'with web.token: Authorization: Bearer <token>, or the token as password in a browser',
    headers: { 'www-authenticate': 'Basic realm="canhazgpu", charset="UTF-8", Bearer realm="canhazgpu"' },
  })
}

/** `localhost`, `127.0.0.1:8080`, `[::1]` … */
export function isLoopbackHost(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i.test(host)
}

/** Browsers cannot send a bearer token, so the token is also accepted as the password of any user. */
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

/** Takes equally long for every wrong text, so that the time does not show how much of it is right. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}

function splitOnce(text: string, separator: string): readonly [string, string?] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
