/**
 * Reads values that another host wrote: undefined for a value that this program would not have written. An object gets
 * exactly the known keys. The schemas of valibot say the same, but loading them takes longer than a whole command; a
 * test compares the two.
 */
export type Read<Value> = (value: unknown) => Value | undefined

export const text: Read<string> = (value) => (typeof value === 'string' ? value : undefined)

/** Larger numbers mean nothing, and sums of them could be infinite. */
const LARGEST = 1e12

export const number: Read<number> = (value) =>
  typeof value === 'number' && Math.abs(value) <= LARGEST ? value : undefined

export const amount: Read<number> = (value) => {
  const read = number(value)
  return read !== undefined && read >= 0 ? read : undefined
}

export const whole: Read<number> = (value) => (Number.isInteger(value) ? amount(value) : undefined)

export const position: Read<number> = (value) => (value === 0 ? undefined : whole(value))

const TIME = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?Z$/

/** RFC 3339, UTC. */
export const time: Read<string> = (value) =>
  typeof value === 'string' && TIME.test(value) ? value : undefined

/** Like 2026-03-14. */
export const date: Read<string> = (value) =>
  typeof value === 'string' && value.length === 10 && TIME.test(`${value}T00:00:00Z`) ? value : undefined

export function oneOf<const Choice>(choices: readonly Choice[]): Read<Choice> {
  const known = new Set<unknown>(choices)
  const isChoice = (value: unknown): value is Choice => known.has(value)
  return (value) => (isChoice(value) ? value : undefined)
}

export function list<Item>(item: Read<Item>): Read<readonly Item[]> {
  return (value) => {
    if (!Array.isArray(value)) return undefined
    const items: Item[] = []
    for (const each of value) {
      const read = item(each)
      if (read === undefined) return undefined
      items.push(read)
    }
    return items
  }
}

interface Optional<Value> {
  readonly optional: Read<Value>
}

export const optional = <Value>(read: Read<Value>): Optional<Value> => ({ optional: read })

/** The reader of each key; the compiler refuses a missing one, and one that is optional here only. */
export type Fields<Value> = {
  readonly [Key in keyof Value]-?: undefined extends Value[Key]
    ? Optional<Exclude<Value[Key], undefined>>
    : Value extends Record<Key, Value[Key]>
      ? Read<Value[Key]>
      : Optional<Value[Key]>
}

export function object<Value extends object>(fields: Fields<Value>): Read<Value> {
  const all = Object.entries<Read<unknown> | Optional<unknown>>(fields).map(([key, field]) =>
    typeof field === 'function'
      ? { key, read: field, isOptional: false }
      : { key, read: field.optional, isOptional: true },
  )
  return (value) => {
    if (!isRecord(value)) return undefined
    const result: Record<string, unknown> = {}
    for (const { key, read, isOptional } of all) {
      const inner = value[key]
      if (inner === undefined && isOptional) continue
      const known = read(inner)
      if (known === undefined) return undefined
      result[key] = known
    }
    return result as Value
  }
}

/** Not copied: a hostile text has many. Nothing that JSON can say has one of our keys from its prototype. */
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

/** Reads a JSON document of one line or more; undefined if it is none. */
export function parsed<Value>(json: string, read: Read<Value>): Value | undefined {
  try {
    return read(JSON.parse(json))
  } catch {
    return undefined
  }
}
