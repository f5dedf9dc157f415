import { MOST_MILLIS, UNIT_ID } from './document-limits.ts'

/**
 * What a value of a stored document must be. Plain data and one loop: loading valibot and building its schema takes
 * longer than a whole `status`, and a function that runs for every value is compiled, which starts two threads.
 */
export type Check =
  | { readonly type: 'text' }
  | { readonly type: 'unit-id' }
  | { readonly type: 'number'; readonly isWhole: boolean; readonly least: number; readonly most: number }
  | { readonly type: 'choice'; readonly choices: readonly unknown[] }
  | { readonly type: 'object'; readonly fields: readonly Field[] }
  | { readonly type: 'array'; readonly each: Check; readonly least: number }
  /** One of several objects, by its `kind`. */
  | { readonly type: 'kinds'; readonly kinds: Readonly<Record<string, Check>> }

interface Field {
  readonly key: string
  readonly check: Check
  readonly isOptional: boolean
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
export const byKind = (kinds: Readonly<Record<string, Check>>): Check => ({ type: 'kinds', kinds })

export function object(required: Record<string, Check>, optional: Record<string, Check> = {}): Check {
  const fields: Field[] = []
  for (const [key, check] of Object.entries(required)) fields.push({ key, check, isOptional: false })
  for (const [key, check] of Object.entries(optional)) fields.push({ key, check, isOptional: true })
  return { type: 'object', fields }
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

interface Place {
  readonly value: unknown
  readonly check: Check
  readonly path: string
}

/** Answers with the path of the first value that is wrong, as `.units.0.id`. */
export function faultIn(document: unknown, whole: Check): string | undefined {
  const places: Place[] = [{ value: document, check: whole, path: '' }]
  for (let place = places.pop(); place !== undefined; place = places.pop()) {
    const { value, check, path } = place
    switch (check.type) {
      case 'text':
        if (typeof value !== 'string') return path
        break
      case 'unit-id':
        if (typeof value !== 'string' || !isUnitId(value)) return path
        break
      case 'number':
        if (typeof value !== 'number' || !(value >= check.least && value <= check.most)) return path
        if (check.isWhole && !Number.isSafeInteger(value)) return path
        break
      case 'choice':
        if (!check.choices.includes(value)) return path
        break
      case 'object': {
        if (typeof value !== 'object' || value === null) return path
        const content: Readonly<Record<string, unknown>> = Object(value)
        // The last first, for the first is taken from the end.
        for (let at = check.fields.length - 1; at >= 0; at--) {
          const field = check.fields[at]
          if (field === undefined) continue
          const inside = content[field.key]
          if (inside === undefined && field.isOptional) continue
          places.push({ value: inside, check: field.check, path: `${path}.${field.key}` })
        }
        break
      }
      case 'array':
        if (!Array.isArray(value) || value.length < check.least) return path
        for (let at = value.length - 1; at >= 0; at--) {
          places.push({ value: value[at], check: check.each, path: `${path}.${at}` })
        }
        break
      case 'kinds': {
        if (typeof value !== 'object' || value === null || !('kind' in value)) return path
        const { kind } = value
        const known = typeof kind === 'string' && Object.hasOwn(check.kinds, kind)
        const chosen = known ? check.kinds[kind] : undefined
        if (chosen === undefined) return `${path}.kind`
        places.push({ value, check: chosen, path })
      }
    }
  }
  return undefined
}

/** A regular expression is compiled at its first use, which takes as long as all else here. */
function isUnitId(id: string): boolean {
  const number = Number(id)
  if (Number.isInteger(number) && String(number) === id) return number >= 0 && number <= 9999
  return UNIT_ID.test(id)
}
