import type { Chance } from '../simulation/chance.ts'
import { HOSTILE_NUMBERS, HOSTILE_TEXTS } from './hostile.ts'
import { PART } from './parser.ts'

type Json = null | boolean | number | string | Json[] | Map<string, Json> | Raw

/** Text that is written unchanged, such as numbers that JSON.stringify would write in another form. */
interface Raw {
  readonly raw: string
}

/** A place in a document that can be changed. */
interface Place {
  readonly value: Json
  readonly set: (value: Json) => void
  readonly remove: () => void
  readonly duplicate: (value: Json) => void
}

/** The text with one of its documents damaged: some values changed, moved, duplicated or removed. */
export function damagedJson(text: string, chance: Chance): string {
  const documents = text.split(PART)
  const which = chance.below(documents.length)
  let root: Json
  try {
    root = read(JSON.parse(documents[which] ?? ''))
  } catch {
    return text
  }
  const holder = { root }
  for (let times = chance.spread(1, 4); times > 0; times--) damage(holder, chance)
  documents[which] = write(holder.root)
  return documents.join(PART)
}

function damage(holder: { root: Json }, chance: Chance): void {
  const all = places(holder)
  const place = chance.pick(all)
  const how = chance.below(6)
  if (how === 0) place.remove()
  else if (how === 1) place.duplicate(copy(place.value))
  else if (how === 2) place.set(copy(chance.pick(all).value))
  else if (how === 3) place.duplicate(hostile(chance))
  else place.set(similar(place.value, chance))
}

/** Usually a wrong value of the right type: the parser rejects other types early. */
function similar(value: Json, chance: Chance): Json {
  if (typeof value === 'number' && chance.is(0.4)) return value + chance.pick([-1, 1, 0.5, 1e12, -1e12])
  if (typeof value === 'number' && chance.is(0.6)) return { raw: chance.pick(NUMBERS) }
  if (typeof value === 'string' && chance.is(0.7))
    return value.slice(0, chance.below(value.length + 1)) + chance.pick(HOSTILE_TEXTS)
  return hostile(chance)
}

const NUMBERS = HOSTILE_NUMBERS.filter((text) => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
})

function hostile(chance: Chance): Json {
  const value = (): Json =>
    chance.pick<() => Json>([
      () => ({ raw: chance.pick(NUMBERS) }),
      () => chance.pick(HOSTILE_TEXTS),
      () => chance.pick([null, true, false, '', 0]),
      () => [],
      () => new Map(),
      () => new Map<string, Json>([[chance.pick(HOSTILE_TEXTS), 1]]),
    ])()
  return chance.is(0.1) ? [value(), value()] : value()
}

function places(holder: { root: Json }): readonly Place[] {
  const found: Place[] = [
    {
      value: holder.root,
      set: (value) => {
        holder.root = value
      },
      remove: () => {},
      duplicate: () => {},
    },
  ]
  const visit = (value: Json): void => {
    if (Array.isArray(value)) {
      for (const [i, each] of value.entries()) {
        found.push({
          value: each,
          set: (to) => {
            value[i] = to
          },
          remove: () => void value.splice(i, 1),
          duplicate: (other) => void value.splice(i, 0, other),
        })
        visit(each)
      }
    } else if (value instanceof Map) {
      for (const [key, each] of value) {
        found.push({
          value: each,
          set: (to) => void value.set(key, to),
          remove: () => void value.delete(key),
          duplicate: (other) => void value.set(`${key}${typeof other === 'string' ? other : '2'}`, other),
        })
        visit(each)
      }
    }
  }
  visit(holder.root)
  return found
}

/** Objects as maps, so that no key has a special meaning. */
function read(value: unknown): Json {
  if (Array.isArray(value)) return value.map(read)
  if (typeof value === 'object' && value !== null) {
    return new Map(Object.entries(value).map(([key, each]) => [key, read(each)]))
  }
  return value as Json
}

function write(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`
  if (value instanceof Map) {
    return `{${[...value].map(([key, each]) => `${JSON.stringify(key)}:${write(each)}`).join(',')}}`
  }
  return typeof value === 'object' && value !== null ? value.raw : JSON.stringify(value)
}

const copy = (value: Json): Json => {
  if (Array.isArray(value)) return value.map(copy)
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [key, copy(each)]))
  return value
}
