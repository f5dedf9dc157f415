import { type Access, isLoopbackHost, openGuard } from '../../src/web/access/guard.ts'
import { HttpError } from '../../src/web/errors.ts'
import { daysOf, MOST_DAYS, rangeOf } from '../../src/web/query.ts'
import { ARGUMENT_BYTES, type Parser } from '../parser.ts'
import { verify } from '../soundness.ts'

const NOW = Date.UTC(2026, 2, 1, 12)
const TOKEN = 'correct-horse-battery'
const ACCESS: Access = { token: TOKEN, basic: 'alice:secret' }

/** The query string and the headers of a request. */
export const webRequests: Parser = {
  name: 'web-requests',
  seeds: [
    'days=30',
    'from=2026-02-01T00:00:00Z&to=2026-03-01T00:00:00Z',
    'from=2026-02-28T23:59:60%2B02:00',
    'Bearer correct-horse-batter',
    `Basic ${Buffer.from('alice:wrong').toString('base64')}`,
    'localhost:8080',
    '[::1]:80',
  ],
  words: [
    ...[
      '=',
      '&',
      '?',
      '%',
      '%00',
      '%2B',
      '+',
      '#',
      'days',
      'from',
      'to',
      '-',
      ':',
      'T',
      'Z',
      '.5',
      '0',
      '99',
      'Bearer ',
    ],
    ...[
      'Basic ',
      '127.0.0.1',
      'localhost',
      '.evil.example',
      '@',
      '2026-02-30T00:00:00Z',
      '0000-01-01T00:00:00Z',
      '9999',
    ],
  ],
  longest: ARGUMENT_BYTES,
  check(input) {
    const days = unlessRefused(() => daysOf(input))
    verify(days === null || (Number.isInteger(days) && days >= 1 && days <= MOST_DAYS), `${days} days`)
    const query = new URLSearchParams(input)
    const texts = [query.get('from') ?? undefined, query.get('to') ?? undefined] as const
    for (const [from, to] of [texts, [input, undefined], [undefined, input]] as const) {
      const range = unlessRefused(() => rangeOf(from, to, NOW))
      if (range !== null) verify(range.from < range.to, `from ${range.from} to ${range.to}`)
      if (range !== null) new Date(range.from).toISOString()
    }
    verify(!isLoopbackHost(input) || !/evil|[a-z]\.[a-z]/i.test(input), `${input} is not this machine`)
    checkGuarded(input)
  },
}

/** Only the exact credentials are accepted. */
function checkGuarded(authorization: string): void {
  const guard = openGuard({ access: ACCESS, loopback: false, clock: () => 0 })
  const headers = new Headers()
  try {
    headers.set('authorization', authorization)
  } catch {
    // No client can send such a header.
    return
  }
  const passed = unlessRefused(() => {
    const refused = guard(new Request('http://box/api/status', { headers }), () => null)
    refused?.catch(() => {})
    return refused === undefined
  })
  verify(passed !== true || isCredential(authorization), `${JSON.stringify(authorization)} is accepted`)
}

function isCredential(authorization: string): boolean {
  const decoded = Buffer.from(authorization.replace(/^\s*basic\s*/i, ''), 'base64').toString('utf8')
  return authorization.includes(TOKEN) || decoded === ACCESS.basic || decoded.endsWith(`:${TOKEN}`)
}

function unlessRefused<Value>(answer: () => Value): Value | null {
  try {
    return answer()
  } catch (error) {
    if (error instanceof HttpError) return null
    throw error
  }
}
