import { openApiSchemas } from './openapi-schemas.ts' with { type: 'macro' }
import type { SchemaName } from './openapi-schemas.ts'

/** `/api/openapi.json`: the answers of this server, in OpenAPI 3.1. */
export function openApiDocument(version: string) {
  return {
    openapi: '3.1.0',
    info: {
      title: 'canhazgpu',
      version,
      description: 'GPUs of one shared machine: holders, queue and usage. Read only.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths: {
      '/api/status': get('The present state of every GPU', arrayOf('Gpu')),
      '/api/queue': get('The queue, in order', arrayOf('QueuePlace')),
      '/api/snapshot': get('Status and queue of one moment, and whether they are old', ref('Snapshot')),
      '/api/report': get('Who used how much', ref('Report'), [DAYS]),
      '/api/daily': get('GPU hours per day by user', ref('Daily'), [DAYS]),
      '/api/history': get(
        'Who held which GPU when; at most 90 days, widened to whole minutes, and the newest 20,000 records',
        ref('History'),
        [FROM, TO],
      ),
      '/api/events': {
        get: {
          summary: 'Server-sent events: trend, snapshot and ping',
          description:
            'First a "trend" (Trend) and a "snapshot" (Snapshot), then a snapshot after every change, and a "ping" every two seconds without a change.',
          responses: {
            200: { description: 'OK', content: { 'text/event-stream': { schema: { type: 'string' } } } },
            ...failures(401, 403, 429, 503),
          },
        },
      },
      '/metrics': {
        get: {
          summary: 'Metrics for Prometheus',
          responses: {
            200: { description: 'OK', content: { 'text/plain': { schema: { type: 'string' } } } },
            ...failures(401, 403, 429, 503),
          },
        },
      },
      '/healthz': get('Whether the server answers; needs no password', ref('Health')),
      '/api/openapi.json': get('This document', { type: 'object' }),
    },
    components: {
      schemas: openApiSchemas(),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        basic: { type: 'http', scheme: 'basic' },
      },
    },
    security: [{}, { bearer: [] }, { basic: [] }],
  }
}

type Schema = Readonly<Record<string, unknown>>

const ref = (name: SchemaName): Schema => ({ $ref: `#/components/schemas/${name}` })
const arrayOf = (name: SchemaName): Schema => ({ type: 'array', items: ref(name) })

const DAYS = {
  name: 'days',
  in: 'query',
  description: 'How far back, in days of 24 hours',
  schema: { type: 'integer', minimum: 1, maximum: 90, default: 30 },
}
const FROM = time('from', '24 hours before `to`')
const TO = time('to', 'now')

function time(name: string, otherwise: string) {
  const description = `RFC 3339; without it ${otherwise}`
  return { name, in: 'query', description, schema: { type: 'string', format: 'date-time' } }
}

function get(summary: string, schema: Schema, parameters: readonly Schema[] = []) {
  const refused = parameters.length === 0 ? [401, 403, 429, 503] : [400, 401, 403, 429, 503]
  return {
    get: {
      summary,
      ...(parameters.length === 0 ? {} : { parameters }),
      responses: {
        200: { description: 'OK', content: { 'application/json': { schema } } },
        ...failures(...refused),
      },
    },
  }
}

const WORDS: Readonly<Record<number, string>> = {
  400: 'A parameter is wrong',
  401: 'A password is needed',
  403: 'The server does not answer to this host name',
  429: 'Too many wrong passwords from this address; with Retry-After',
  503: 'There is no pool, it cannot be read, or there are too many connections or questions (then with Retry-After)',
}

function failures(...statuses: readonly number[]) {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: WORDS[status], content: { 'application/json': { schema: ref('Failure') } } },
    ]),
  )
}
