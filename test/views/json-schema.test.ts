import { expect, test } from 'bun:test'
import * as v from 'valibot'
import { type Described, jsonSchema } from '../../src/views/schemas/json-schema.ts'
import {
  date,
  list,
  object,
  oneOf,
  optional,
  position,
  text,
  time,
  whole,
} from '../../src/views/schemas/values.ts'

const CASES: readonly (readonly [Described, object])[] = [
  [text, { type: 'string' }],
  [v.boolean(), { type: 'boolean' }],
  [whole, { type: 'integer', minimum: 0 }],
  [position, { type: 'integer', minimum: 1 }],
  [time, { type: 'string', format: 'date-time' }],
  [date, { type: 'string', format: 'date' }],
  [oneOf(['a', 'b']), { type: 'string', enum: ['a', 'b'] }],
  [v.nullable(text), { type: ['string', 'null'] }],
  [v.pipe(whole, v.description('how many')), { type: 'integer', minimum: 0, description: 'how many' }],
  [list(whole), { type: 'array', items: { type: 'integer', minimum: 0 } }],
  [
    v.strictTuple([text, v.number()]),
    { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }], minItems: 2, maxItems: 2 },
  ],
  [v.record(text, v.number()), { type: 'object', additionalProperties: { type: 'number' } }],
  [
    object({ a: text, b: optional(v.literal(true)) }),
    {
      type: 'object',
      required: ['a'],
      properties: { a: { type: 'string' }, b: { const: true } },
      additionalProperties: false,
    },
  ],
  [
    v.variant('kind', [v.strictObject({ kind: v.literal('a') })]),
    {
      anyOf: [
        {
          type: 'object',
          required: ['kind'],
          properties: { kind: { const: 'a' } },
          additionalProperties: false,
        },
      ],
    },
  ],
]
for (const [schema, described] of CASES) {
  test(JSON.stringify(described), () => {
    expect(jsonSchema(schema)).toEqual({ ...described })
  })
}

test('a schema that another place describes becomes a reference', () => {
  const inner = object({ a: text })
  const references = new Map([[inner, { $ref: '#/inner' }]])
  expect(jsonSchema(list(inner), references)).toEqual({ type: 'array', items: { $ref: '#/inner' } })
})

test('an unsupported schema is an error, not an empty description', () => {
  expect(() => jsonSchema(v.date())).toThrow("no JSON Schema for 'date'")
  expect(() => jsonSchema(v.pipe(text, v.maxLength(3)))).toThrow("no JSON Schema for 'max_length'")
})
