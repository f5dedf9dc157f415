import type { Variables } from '../../domain/observation/device-variables.ts'
import type { ByteText } from '../kernel/libc/memory.ts'
import { readText } from '../kernel/procfs.ts'

/** Arguments and environment as bytes: as text, anything that is not UTF-8 would be replaced. */

/** The last `count` arguments of our own command line (`/proc/self/cmdline`). */
export function typedArguments(count: number): ByteText[] {
  return count === 0 ? [] : strings('/proc/self/cmdline').slice(-count)
}

let environment: ByteText[] | undefined

/** The environment at start, duplicates and entries without `=` included (`/proc/self/environ`). */
export function inheritedEnvironment(): readonly ByteText[] {
  environment ??= strings('/proc/self/environ')
  return environment
}

/** The first entry of that name, as getenv(3) finds it. */
export function variable(entries: readonly ByteText[], name: string): ByteText | undefined {
  const start = `${name}=`
  return entries.find((entry) => entry.startsWith(start))?.slice(start.length)
}

/**
 * The entries with the variables of `set`. Each of these has one entry: at the place of its first entry, otherwise at
 * the end. If its value is null, it has no entry. All other entries stay unchanged.
 */
export function withVariables(entries: readonly ByteText[], set: Variables): ByteText[] {
  const remaining = new Map<string, string | null>()
  for (const name of Object.keys(set)) remaining.set(name, set[name] ?? null)
  const result: ByteText[] = []
  const put = (name: string): void => {
    const value = remaining.get(name)
    if (value !== undefined && value !== null) result.push(toByteText(`${name}=${value}`))
    remaining.delete(name)
  }
  for (const entry of entries) {
    const equals = entry.indexOf('=')
    const name = equals < 0 ? '' : entry.slice(0, equals)
    if (Object.hasOwn(set, name)) put(name)
    else result.push(entry)
  }
  for (const name of remaining.keys()) put(name)
  return result
}

/** The text in UTF-8, one character for each byte. */
export const toByteText = (text: string): ByteText => Buffer.from(text).toString('latin1')

/** For display. */
export const fromByteText = (bytes: ByteText): string => Buffer.from(bytes, 'latin1').toString('utf8')

/** Each string ends with a NUL. */
function strings(path: string): ByteText[] {
  const text = readText(path)
  if (text === null) throw new Error(`${path} cannot be read: is /proc mounted?`)
  return text === '' ? [] : (text.endsWith('\0') ? text.slice(0, -1) : text).split('\0')
}
