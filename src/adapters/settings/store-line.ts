import { DEFAULT_POOL, socketPathIn, storePathIn } from '../../domain/settings.ts'
import { parseConfig } from './config-file.ts'

const HEAD = "# 'canhazgpu service install' wrote the next line; 'canhazgpu service uninstall' removes it."
const EARLIER = '# before the daemon: '
const STORE = /^["']?store["']?\s*:/

/**
 * The text of a YAML file with this store, and its other lines as they are. A line with another store becomes a comment,
 * which `withoutDaemon` restores. The comment names the daemon's pool, unless that is the default. Null if the result
 * would not be what a parser reads.
 */
export function withDaemon(
  path: string,
  text: string,
  { store, pool }: { readonly store: string; readonly pool: string },
): string | null {
  const commented = lines(withoutOurs(text))
    .filter((line) => !STORE.test(line) || !namesSocket(path, line))
    .map((line) => (STORE.test(line) ? `${EARLIER}${line}` : line))
  const kept =
    pool === (earlierPoolIn(path, commented) ?? DEFAULT_POOL)
      ? commented
      : [
          ...commented.filter((line) => !line.startsWith(EARLIER)),
          ...(pool === DEFAULT_POOL ? [] : [`${EARLIER}store: ${quoted(pool)}`]),
        ]
  const changed = `${kept.map((line) => `${line}\n`).join('')}${HEAD}\nstore: ${quoted(store)}\n`
  return isChangedTo(path, text, changed, store) ? changed : null
}

/** The text without the store that `withDaemon` wrote, and with the line that it replaced. */
export function withoutDaemon(path: string, text: string): string | null {
  const restored = lines(withoutOurs(text))
    .filter((line) => !STORE.test(line) || !namesSocket(path, line))
    .map((line) => (line.startsWith(EARLIER) ? line.slice(EARLIER.length) : line))
    .map((line) => `${line}\n`)
    .join('')
  const store = parsed(path, restored)?.store
  const isDaemon = typeof store === 'string' && socketPathIn(store) !== undefined
  return !isDaemon && isChangedTo(path, text, restored, store) ? restored : null
}

/** The pool of the daemon that the file names; undefined if it names none or the pool is the default. */
export const earlierPool = (path: string, text: string): string | undefined =>
  earlierPoolIn(path, lines(text))

function earlierPoolIn(path: string, all: readonly string[]): string | undefined {
  const line = all.find((each) => each.startsWith(EARLIER))
  const store = line === undefined ? undefined : parsed(path, line.slice(EARLIER.length))?.store
  return typeof store === 'string' ? storePathIn(store) : undefined
}

function withoutOurs(text: string): string {
  const all = lines(text)
  return all.filter((line, at) => line !== HEAD && all[at - 1] !== HEAD).join('\n')
}

function namesSocket(path: string, line: string): boolean {
  const store = parsed(path, line)?.store
  return typeof store === 'string' && socketPathIn(store) !== undefined
}

function lines(text: string): readonly string[] {
  if (text === '') return []
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n')
}

/** Whether the texts have the same values, except for the store. */
function isChangedTo(path: string, before: string, after: string, store: unknown): boolean {
  const [old, changed] = [parsed(path, before), parsed(path, after)]
  if (old === undefined || changed === undefined || changed.store !== store) return false
  const others = (values: Readonly<Record<string, unknown>>) =>
    JSON.stringify(Object.entries(values).filter(([key]) => key !== 'store'))
  return others(old) === others(changed)
}

function parsed(path: string, text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return parseConfig(path, text)
  } catch {
    return undefined
  }
}

/** YAML reads a plain text with a space or a `#` differently. */
const quoted = (store: string): string => (/^[\w:/.-]+$/.test(store) ? store : JSON.stringify(store))
