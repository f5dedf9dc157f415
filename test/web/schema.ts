/** Where a value does not match a JSON schema. Supports the keywords that openapi.json uses. */
export function mismatches(
  value: unknown,
  schema: Schema,
  schemas: Readonly<Record<string, Schema>>,
): string[] {
  return check(value, schema, { schemas, path: '$' })
}

export interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly format?: string
  readonly minimum?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly items?: Schema
  readonly prefixItems?: readonly Schema[]
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: boolean | Schema
}

interface Place {
  readonly schemas: Readonly<Record<string, Schema>>
  readonly path: string
}

function check(value: unknown, schema: Schema, place: Place): string[] {
  const { path, schemas } = place
  if (schema.$ref !== undefined) {
    const named = schemas[schema.$ref.replace('#/components/schemas/', '')]
    return named === undefined ? [`${path}: no schema ${schema.$ref}`] : check(value, named, place)
  }
  const types = schema.type === undefined ? [] : [schema.type].flat()
  const type = typeOf(value)
  const fits =
    types.length === 0 || types.some((each) => each === type || (each === 'number' && type === 'integer'))
  if (!fits) return [`${path}: ${type} instead of ${types.join(' or ')}`]
  if (schema.enum !== undefined && !schema.enum.includes(value))
    return [`${path}: ${value} is none of ${schema.enum}`]
  if (typeof value === 'number' && value < (schema.minimum ?? Number.NEGATIVE_INFINITY))
    return [`${path}: too small`]
  if (typeof value === 'string') return checkText(value, schema.format, path)
  if (Array.isArray(value)) return checkList(value, schema, place)
  if (typeof value === 'object' && value !== null) return checkObject(Object.entries(value), schema, place)
  return []
}

function checkText(value: string, format: string | undefined, path: string): string[] {
  const patterns: Readonly<Record<string, RegExp>> = {
    'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/,
    date: /^\d{4}-\d\d-\d\d$/,
  }
  const pattern = format === undefined ? undefined : patterns[format]
  return pattern === undefined || pattern.test(value) ? [] : [`${path}: '${value}' is not a ${format}`]
}

function checkList(value: readonly unknown[], schema: Schema, { schemas, path }: Place): string[] {
  const { items, prefixItems = [], minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema
  if (value.length < minItems || value.length > maxItems) return [`${path}: ${value.length} items`]
  return value.flatMap((item, index) => {
    const described = prefixItems[index] ?? items
    return described === undefined ? [] : check(item, described, { schemas, path: `${path}[${index}]` })
  })
}

function checkObject(
  entries: readonly (readonly [string, unknown])[],
  schema: Schema,
  { schemas, path }: Place,
): string[] {
  const { required = [], properties = {}, additionalProperties = true } = schema
  const missing = required.filter((name) => !entries.some(([key]) => key === name))
  const inside = entries.flatMap(([key, each]) => {
    const known =
      properties[key] ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined)
    if (known !== undefined) return check(each, known, { schemas, path: `${path}.${key}` })
    return additionalProperties === false ? [`${path}.${key}: not described`] : []
  })
  return [...missing.map((name) => `${path}.${name}: missing`), ...inside]
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}
