import * as v from 'valibot'

/**
 * The values of the JSON documents. Only OpenAPI, tests and the build load the schemas. Commands import just the types,
 * because loading valibot takes longer than a whole `status`.
 */
export const text = v.string()
export const whole = v.pipe(v.number(), v.integer(), v.minValue(0))
export const position = v.pipe(v.number(), v.integer(), v.minValue(1))
export const amount = v.pipe(v.number(), v.minValue(0))
/** RFC 3339, UTC. */
export const time = v.pipe(v.string(), v.isoTimestamp())
export const date = v.pipe(v.string(), v.isoDate())

export const list = <Item extends v.GenericSchema>(item: Item) => v.pipe(v.array(item), v.readonly())

/** An object with exactly these fields. */
export const object = <Entries extends v.ObjectEntries>(entries: Entries) =>
  v.pipe(v.strictObject(entries), v.readonly())

export const optional = v.exactOptional
export const oneOf = v.picklist
