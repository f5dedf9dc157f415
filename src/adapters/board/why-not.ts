import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { decoded } from '../../domain/fleet/board-address.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { printable, shortened } from '../../domain/text/text.ts'

/** Where to connect. */
export interface BoardPlace {
  /** Without a query. */
  readonly url: string
  /** The certificate of the authority, in PEM; by default those of the runtime count. */
  readonly ca?: string
}

/**
 * Why the board at this URL accepts no connection. The runtime's client says only that the connection is closed, so this
 * connects once more and looks. Neither the name nor the password of the URL is in the answer.
 */
export async function whyNot({ url, ca }: BoardPlace, deadline: Millis): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const { hostname, port, protocol, username, password, pathname } = new URL(url)
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const place = { host, port: Number(port || DEFAULT_PORT) }
  const isTls = protocol === 'rediss:'
  const socket: Socket = isTls
    ? connectTls({ ...place, ...(ca === undefined ? {} : { ca }), rejectUnauthorized: true })
    : connectPlain(place)
  const timer = setTimeout(() => resolve(`no answer within ${deadline} ms`), deadline)
  let answers = ''
  socket.on(isTls ? 'secureConnect' : 'connect', () => {
    if (password !== '') {
      const names = username === '' ? [] : [decoded(username)]
      socket.write(request('AUTH', ...names, decoded(password)))
    }
    const database = pathname.slice(1)
    if (Number(database) !== 0) socket.write(request('SELECT', database))
    socket.write(request('HELLO', '3'))
  })
  socket.on('data', (bytes) => {
    answers = (answers + bytes.toString('latin1')).slice(0, MOST_CHARACTERS)
    const refusal = /^-(.*)\r\n/m.exec(answers)?.[1]
    if (refusal !== undefined) resolve(refusalWords(refusal))
    // The answer to HELLO.
    else if (/^%/m.test(answers)) resolve('it closes the connection')
    else if (answers.length === MOST_CHARACTERS) resolve('it is no Redis or Valkey server')
  })
  socket.on('error', (error) => resolve(errorWords(error, isTls)))
  socket.on('close', () => resolve('it closes the connection'))
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}

const DEFAULT_PORT = 6379
const MOST_CHARACTERS = 2_000

const request = (...words: readonly string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`

function refusalWords(line: string): string {
  if (/^WRONGPASS|invalid password/.test(line)) return 'it refuses the name or the password'
  if (/^NOAUTH/.test(line)) return 'it wants a password'
  if (/^ERR unknown command/.test(line)) return 'it is older than Redis 6'
  return `it refuses the connection: ${shortened(printable(line), 150)}`
}

function errorWords(error: Error, isTls: boolean): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const known = WORDS[code]
  if (known !== undefined) return known
  const what = isTls ? 'the connection with TLS fails' : 'no connection'
  return `${what}: ${shortened(printable(code || error.message), 150)}`
}

const NO_AUTHORITY = 'its certificate is not from the authority that is named with ?ca=, or a usual one'

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'this name has no address',
  EAI_AGAIN: 'the address of this name cannot be found out now',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
  ETIMEDOUT: 'it does not answer',
  ECONNRESET: 'it closes the connection',
  DEPTH_ZERO_SELF_SIGNED_CERT: NO_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: NO_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: NO_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: NO_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: NO_AUTHORITY,
  CERT_SIGNATURE_FAILURE: NO_AUTHORITY,
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: are the clocks right?',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
}
