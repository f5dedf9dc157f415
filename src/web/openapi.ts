import { openApiSchemas } from './openapi-schemas.ts' with { type: 'macro' }
import type { SchemaName } from './openapi-schemas.ts'

/** `/api/openapi.json`: the API of this server, in OpenAPI 3.1. */
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
      '/api/status': get('The current state of every GPU', arrayOf('Gpu'), [HOST]),
      '/api/queue': get('The queue, in order', arrayOf('QueuePlace'), [HOST]),
      '/api/hosts': get('The GPUs of this host and of other hosts, as far as they are known', ref('Hosts')),
      '/api/policy': get('The rules of the pool, and who set each of them when', ref('Policy')),
      '/api/accounts': get(
        'GPUs, waiting requests and limits of each account that has any of these',
        arrayOf('Account'),
      ),
      '/api/schedule': get('Bookings, and who holds each GPU until when', ref('Schedule')),
      '/api/snapshot': get(
        'Status, queue and schedule at one moment, and whether they are stale',
        ref('Snapshot'),
      ),
      '/api/report': get('GPU hours and reservations by user', ref('Report'), [DAYS]),
      '/api/daily': get('GPU hours per day by user', ref('Daily'), [DAYS]),
      '/api/history': get(
        'Holders of each GPU over time: at most 90 days, widened to whole minutes, and the newest 20,000 records',
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
      '/healthz': get('Whether the server works; needs no password', ref('Health')),
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
  description: 'Length of the period until now, in days of 24 hours',
  schema: { type: 'integer', minimum: 1, maximum: 90, default: 30 },
}
const HOST = {
  name: 'host',
  in: 'query',
  description: 'Another host of `/api/hosts`; its GPUs without their processes. Default: this host',
  schema: { type: 'string' },
}
const FROM = time('from', '24 hours before `to`')
const TO = time('to', 'now')

function time(name: string, fallback: string) {
  const description = `A time in RFC 3339; default: ${fallback}`
  return { name, in: 'query', description, schema: { type: 'string', format: 'date-time' } }
}

function get(summary: string, schema: Schema, parameters: readonly Schema[] = []) {
  const statuses = [
    ...(parameters.length === 0 ? [] : [400]),
    ...[401, 403],
    ...(parameters.includes(HOST) ? [404] : []),
    ...[429, 503],
  ]
  return {
    get: {
      summary,
      ...(parameters.length === 0 ? {} : { parameters }),
      responses: {
        200: { description: 'OK', content: { 'application/json': { schema } } },
        ...failures(...statuses),
      },
    },
  }
}

const FAILURES: Readonly<Record<number, string>> = {
  400: 'A parameter is invalid',
  401: 'A password is required',
  403: 'The server listens on loopback only, and the request names another host',
  404: 'No host has this name',
  429: 'Too many wrong passwords from this address (with Retry-After)',
  503: 'The pool is missing or cannot be read, or there are too many connections or requests (then with Retry-After)',
}

function failures(...statuses: readonly number[]) {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: FAILURES[status], content: { 'application/json': { schema: ref('Failure') } } },
    ]),
  )
}
