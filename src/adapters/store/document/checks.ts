import { MOST_MILLIS } from './document-limits.ts'

/**
 * The expected form of a value in a stored document: plain data that one loop interprets. Loading valibot and building
 * its schema takes longer than a whole `status`. A function that is called for every value would be compiled, which
 * starts two threads.
 */
export type Check = ValueCheck | ArrayCheck | ObjectCheck | KindsCheck

type ValueCheck =
  | { readonly type: 'text' }
  | { readonly type: 'unit-id' }
  | { readonly type: 'number'; readonly isWhole: boolean; readonly least: number; readonly most: number }
  | { readonly type: 'choice'; readonly choices: readonly unknown[] }

interface ArrayCheck {
  readonly type: 'array'
  readonly each: Check
  readonly least: number
}

interface ObjectCheck {
  readonly type: 'object'
  readonly keys: readonly string[]
  readonly checks: readonly Check[]
  /** The number of required keys, which come first. */
  readonly required: number
}

/** One of several objects, selected by its `kind`. */
interface KindsCheck {
  readonly type: 'kinds'
  readonly kinds: Readonly<Record<string, ObjectCheck>>
}

export const text: Check = { type: 'text' }
export const unitId: Check = { type: 'unit-id' }
export const integer = (least: number, most = Number.MAX_SAFE_INTEGER): Check => ({
  type: 'number',
  isWhole: true,
  least,
  most,
})
export const whole = integer(0)
export const millis: Check = { type: 'number', isWhole: false, least: -MOST_MILLIS, most: MOST_MILLIS }
export const span: Check = { type: 'number', isWhole: false, least: 0, most: MOST_MILLIS }
export const oneOf = (choices: readonly unknown[]): Check => ({ type: 'choice', choices })
export const array = (each: Check, least = 0): Check => ({ type: 'array', each, least })
export const byKind = (kinds: KindsCheck['kinds']): Check => ({ type: 'kinds', kinds })

export function object(required: Record<string, Check>, optional: Record<string, Check> = {}): ObjectCheck {
  const all = { ...required, ...optional }
  return {
    type: 'object',
    keys: Object.keys(all),
    checks: Object.values(all),
    required: Object.keys(required).length,
  }
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

/** An object or an array in the document that still has to be checked. */
interface Place {
  readonly value: unknown
  readonly check: ArrayCheck | ObjectCheck | KindsCheck
  readonly key: string | number
  readonly parent: Place | undefined
}

/** The path of the first wrong value that is found, such as `.units.0.id`. */
export function faultIn(document: unknown, whole: ObjectCheck): string | undefined {
  const places: Place[] = [{ value: document, check: whole, key: '', parent: undefined }]
  for (let place = places.pop(); place !== undefined; place = places.pop()) {
    const { value } = place
    let { check } = place
    if (typeof value !== 'object' || value === null) return pathOf(place)
    if (check.type === 'kinds') {
      const kind = 'kind' in value ? value.kind : undefined
      const chosen =
        typeof kind === 'string' && Object.hasOwn(check.kinds, kind) ? check.kinds[kind] : undefined
      if (chosen === undefined) return `${pathOf(place)}.kind`
      check = chosen
    }
    let count = 0
    if (check.type === 'object') count = check.keys.length
    else if (Array.isArray(value) && value.length >= check.least) count = value.length
    else return pathOf(place)
    // `Object` returns the object itself. A type guard would be called often enough to be compiled.
    const content: Readonly<Record<string, unknown>> = Object(value)
    for (let at = 0; at < count; at++) {
      const key = check.type === 'object' ? check.keys[at] : at
      const inner = check.type === 'object' ? check.checks[at] : check.each
      if (key === undefined || inner === undefined) continue
      const inside = content[key]
      if (inside === undefined && check.type === 'object' && at >= check.required) continue
      let isRight = true
      switch (inner.type) {
        case 'text':
          isRight = typeof inside === 'string'
          break
        case 'unit-id':
          isRight = typeof inside === 'string' && isUnitId(inside)
          break
        case 'number':
          isRight =
            typeof inside === 'number' &&
            inside >= inner.least &&
            inside <= inner.most &&
            (!inner.isWhole || Number.isSafeInteger(inside))
          break
        case 'choice':
          isRight = inner.choices.includes(inside)
          break
        default:
          places.push({ value: inside, check: inner, key, parent: place })
      }
      if (!isRight) return `${pathOf(place)}.${key}`
    }
  }
  return undefined
}

const pathOf = ({ parent, key }: Place): string => (parent === undefined ? '' : `${pathOf(parent)}.${key}`)

/** Checks whole GPUs without a regular expression: the first use of one takes half as long as the whole check. */
function isUnitId(id: string): boolean {
  const number = Number(id)
  if (Number.isInteger(number) && String(number) === id) return number >= 0 && number <= 9999
  return /^(0|[1-9]\d{0,3})\.\d{1,2}$/.test(id)
}
