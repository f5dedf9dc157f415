/** Where the notice board of several hosts is: its URL, or the file that has the URL. A URL may contain a password. */
export type BoardAddress =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'file'; readonly path: string }

export const BOARD_EXPECTED =
  'redis://[user:password@]host[:port][/number], rediss://…[?ca=/path/to/ca.pem] for TLS, or file:/path/to/file that has such a URL'

/** Reads the setting `fleet`; undefined for anything else. */
export function readBoardAddress(value: unknown): BoardAddress | undefined {
  if (typeof value !== 'string') return undefined
  const path = /^file:(?:\/\/)?(\/[^\0]*[^/\0])$/.exec(value)?.[1]
  if (path !== undefined) return { kind: 'file', path }
  return isBoardUrl(value) ? { kind: 'url', url: value } : undefined
}

/** Whether this is the URL of a server that can hold a board. */
export function isBoardUrl(text: string): boolean {
  return (
    /^(redis:\/\/[^\s/?]+(\/\d{0,5})?|rediss:\/\/[^\s/?]+(\/\d{0,5})?(\?ca=\/[^\s&]+)?)$/.test(text) &&
    URL.canParse(text) &&
    new URL(text).hostname !== ''
  )
}

/** The name or the password of a URL as the server gets it. */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
