import { createHash, timingSafeEqual } from 'node:crypto'
import { Refusal } from './errors.ts'

/** Who may look, from the configuration; null: everybody. */
export interface Access {
  readonly token: string | null
  /** `user:password`. */
  readonly basic: string | null
}

export interface GuardOptions {
  readonly access: Access
  /** Bound to this machine only: whoever names it otherwise was sent here by a page of others. */
  readonly loopback: boolean
}

/** What no address of ours comes near to. */
const LONGEST_URL = 2_048

/** Throws a `Refusal` for a request that nobody may make. */
export type Guard = (request: Request) => void

export function openGuard({ access, loopback }: GuardOptions): Guard {
  const isAllowed = credentialCheck(access)
  return (request) => {
    if (request.url.length > LONGEST_URL) {
      throw new Refusal('url-too-long', `The URL is longer than ${LONGEST_URL} characters`)
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new Refusal('method-not-allowed', `${request.method} is not answered: this page only shows`, {
        headers: { allow: 'GET, HEAD' },
      })
    }
    if (loopback && !isLoopbackHost(request.headers.get('host') ?? '')) {
      throw new Refusal('host-not-allowed', 'This server is for its own machine only', {
        hint: 'open http://localhost, or start it with --host 0.0.0.0',
      })
    }
    if (new URL(request.url).pathname !== '/healthz' && !isAllowed(request.headers.get('authorization'))) {
      throw new Refusal('unauthorized', 'A password is needed', {
        hint: 'with web.token: Authorization: Bearer <token>, or the token as password in a browser',
        headers: { 'www-authenticate': 'Basic realm="canhazgpu", charset="UTF-8", Bearer realm="canhazgpu"' },
      })
    }
  }
}

/** `localhost`, `127.0.0.1:8080`, `[::1]` … */
export function isLoopbackHost(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i.test(host)
}

/** A browser cannot send a bearer token; there it is the password of whatever user. */
function credentialCheck({ token, basic }: Access): (authorization: string | null) => boolean {
  if (token === null && basic === null) return () => true
  return (authorization) => {
    const [scheme, value = ''] = splitOnce(authorization ?? '', ' ')
    if (scheme.toLowerCase() === 'bearer') return token !== null && isSame(value.trim(), token)
    if (scheme.toLowerCase() !== 'basic') return false
    const given = Buffer.from(value.trim(), 'base64').toString('utf8')
    const [, password = ''] = splitOnce(given, ':')
    return (basic !== null && isSame(given, basic)) || (token !== null && isSame(password, token))
  }
}

/** Takes the same time wherever the two differ. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}

function splitOnce(text: string, separator: string): readonly [string, string?] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
