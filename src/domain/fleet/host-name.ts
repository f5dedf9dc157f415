declare const checked: unique symbol

/** In place of a name: whichever host can start a request first. */
export const ANY_HOST = 'any'

/**
 * The name of a machine: letters, digits, `.`, `_` and `-`, and no `-` first, so that no program takes it for an option.
 * `any` is none.
 */
export type HostName = string & { readonly [checked]: true }

/**
 * A host that can be asked over SSH. Only the configuration makes one: a name that another host published is never a
 * host to connect to.
 */
export interface RemoteHost {
  readonly name: HostName
  /** The account there, if it is another one. */
  readonly account?: string
}

export const HOST_NAME_EXPECTED =
  "letters, digits, '.', '_' and '-', beginning with a letter or digit, and not 'any'"
export const REMOTE_HOSTS_EXPECTED = `a list of different host names such as [gpu1, ann@gpu2]: ${HOST_NAME_EXPECTED}`

const LONGEST = 253
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/
const ACCOUNT = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,254}$/
const MOST_REMOTE_HOSTS = 1_000

export const isHostName = (text: unknown): text is HostName =>
  typeof text === 'string' && text.length <= LONGEST && NAME.test(text) && text !== ANY_HOST

/** Reads a name; undefined for anything else. */
export const readHostName = (value: unknown): HostName | undefined => (isHostName(value) ? value : undefined)

/** Reads a list of hosts, or a text with commas between them; undefined if one is not a host, or is in it twice. */
export function readRemoteHosts(value: unknown): readonly RemoteHost[] | undefined {
  const words = typeof value === 'string' ? listed(value) : value
  if (!Array.isArray(words) || words.length > MOST_REMOTE_HOSTS) return undefined
  const hosts = words.map(readRemoteHost)
  if (!hosts.every((host) => host !== undefined)) return undefined
  return new Set(hosts.map(({ name }) => name)).size === hosts.length ? hosts : undefined
}

const listed = (text: string): readonly string[] =>
  text.split(',').flatMap((word) => (word.trim() === '' ? [] : [word.trim()]))

function readRemoteHost(word: unknown): RemoteHost | undefined {
  if (typeof word !== 'string') return undefined
  const at = word.indexOf('@')
  const name = word.slice(at + 1)
  if (!isHostName(name)) return undefined
  if (at < 0) return { name }
  const account = word.slice(0, at)
  return ACCOUNT.test(account) ? { name, account } : undefined
}

/** The name of this host: the configured one, else the host name of the machine without its domain. */
export function ownHostName(configured: HostName | null, hostname: string): HostName {
  if (configured !== null) return configured
  const [short = ''] = hostname.split('.')
  const cleaned = short.replace(/[^A-Za-z0-9_-]/g, '-').replace(/^[^A-Za-z0-9]+/, '')
  return readHostName(cleaned.slice(0, LONGEST)) ?? LOCAL
}

const LOCAL = 'localhost' as HostName
