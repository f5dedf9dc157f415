export type JsonSchema = Readonly<Record<string, unknown>>

/** The parts of valibot's schemas and actions that describe a document. */
export interface Described {
  readonly type: string
  readonly pipe?: readonly Described[]
  readonly entries?: Readonly<Record<string, Described>>
  readonly item?: Described
  readonly items?: readonly Described[]
  readonly value?: Described
  readonly wrapped?: Described
  readonly options?: readonly unknown[]
  readonly literal?: unknown
  readonly requirement?: unknown
  readonly description?: string
}

/** Schemas that are described elsewhere, and the references to them. */
export type References = ReadonlyMap<Described, JsonSchema>

/**
 * Converts one of our schemas to JSON Schema for OpenAPI 3.1. Throws on an unsupported part, so that no part of a
 * description is lost.
 */
export function jsonSchema(schema: Described, references: References = new Map()): JsonSchema {
  const [first, ...actions] = schema.pipe ?? []
  const start = first === undefined ? base(schema, references) : jsonSchema(first, references)
  const refine = (described: JsonSchema, action: Described) => ({ ...described, ...refinement(action) })
  return actions.reduce(refine, start)
}

function base(schema: Described, references: References): JsonSchema {
  const inner = (part: Described | undefined) =>
    part === undefined ? {} : (references.get(part) ?? jsonSchema(part, references))
  switch (schema.type) {
    case 'string':
    case 'number':
    case 'boolean':
      return { type: schema.type }
    case 'picklist':
      return { type: 'string', enum: schema.options }
    case 'literal':
      return { const: schema.literal }
    case 'nullable':
      return nullable(inner(schema.wrapped))
    case 'array':
      return { type: 'array', items: inner(schema.item) }
    case 'strict_tuple':
      return tuple((schema.items ?? []).map(inner))
    case 'record':
      return { type: 'object', additionalProperties: inner(schema.value) }
    case 'strict_object':
      return object(schema.entries ?? {}, inner, false)
    case 'loose_object':
      return object(schema.entries ?? {}, inner, true)
    case 'variant':
      return { anyOf: (schema.options ?? []).filter(isDescribed).map(inner) }
    default:
      throw new Error(`no JSON Schema for '${schema.type}'`)
  }
}

const nullable = ({ type, ...rest }: JsonSchema): JsonSchema => ({ type: [type, 'null'], ...rest })

const tuple = (items: readonly JsonSchema[]): JsonSchema => ({
  type: 'array',
  prefixItems: items,
  minItems: items.length,
  maxItems: items.length,
})

function object(
  entries: Readonly<Record<string, Described>>,
  inner: (part: Described | undefined) => JsonSchema,
  additionalProperties: boolean,
): JsonSchema {
  const fields = Object.entries(entries)
  const isOptional = ({ type }: Described) => type === 'exact_optional'
  return {
    type: 'object',
    required: fields.filter(([, each]) => !isOptional(each)).map(([name]) => name),
    properties: Object.fromEntries(
      fields.map(([name, each]) => [name, inner(isOptional(each) ? each.wrapped : each)]),
    ),
    additionalProperties,
  }
}

/** The JSON Schema properties that an action of a pipe adds. */
function refinement({ type, requirement, description }: Described): JsonSchema {
  switch (type) {
    case 'integer':
      return { type: 'integer' }
    case 'min_value':
      return { minimum: requirement }
    case 'iso_timestamp':
      return { format: 'date-time' }
    case 'iso_date':
      return { format: 'date' }
    case 'description':
      return { description }
    case 'readonly':
      return {}
    default:
      throw new Error(`no JSON Schema for '${type}'`)
  }
}

export const isDescribed = (value: unknown): value is Described =>
  typeof value === 'object' && value !== null && 'type' in value
