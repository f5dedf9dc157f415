import { account } from '../views/schemas/accounts.ts'
import { health, snapshot, trend } from '../views/schemas/dashboard.ts'
import { failure } from '../views/schemas/failure.ts'
import { hostStatus, hosts } from '../views/schemas/fleet.ts'
import { type Described, type JsonSchema, jsonSchema } from '../views/schemas/json-schema.ts'
import { policy, rule } from '../views/schemas/policy.ts'
import { queuePlace, unavailableGpu } from '../views/schemas/queue.ts'
import { booking, period, schedule } from '../views/schemas/schedule.ts'
import { gpu, process } from '../views/schemas/status.ts'
import { daily, history, report } from '../views/schemas/usage.ts'

const named = {
  Gpu: gpu,
  Process: process,
  QueuePlace: queuePlace,
  UnavailableGpu: unavailableGpu,
  Schedule: schedule,
  Booking: booking,
  Period: period,
  Policy: policy,
  Rule: rule,
  Account: account,
  Hosts: hosts,
  HostStatus: hostStatus,
  Snapshot: snapshot,
  Trend: trend,
  Report: report,
  Daily: daily,
  History: history,
  Health: health,
  Failure: failure,
}

export type SchemaName = keyof typeof named

/** The JSON schemas of the API. A macro: it runs when the program is built, so the server does not load valibot. */
export function openApiSchemas(): Readonly<Record<string, JsonSchema>> {
  const schemas: readonly (readonly [string, Described])[] = Object.entries(named)
  const references = new Map(
    schemas.map(([name, schema]) => [schema, { $ref: `#/components/schemas/${name}` }] as const),
  )
  return Object.fromEntries(schemas.map(([name, schema]) => [name, jsonSchema(schema, references)]))
}
