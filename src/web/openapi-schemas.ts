type Schema = Readonly<Record<string, unknown>>

const text: Schema = { type: 'string' }
const whole: Schema = { type: 'integer', minimum: 0 }
const amount: Schema = { type: 'number', minimum: 0 }
const time: Schema = { type: 'string', format: 'date-time' }
const oneOf = (...values: readonly string[]): Schema => ({ type: 'string', enum: values })
const list = (items: Schema): Schema => ({ type: 'array', items })
const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })

/** Nothing but these properties; those that may be absent come second. */
function object(required: Readonly<Record<string, Schema>>, optional: Readonly<Record<string, Schema>> = {}) {
  return {
    type: 'object',
    required: Object.keys(required),
    properties: { ...required, ...optional },
    additionalProperties: false,
  }
}

const usage = { gpu_hours: amount, percentage: amount, run: whole, manual: whole }

/** The documents of `src/app/*-document.ts`, as OpenAPI describes them; a test holds them together. */
export const schemas = {
  Gpu: object(
    {
      gpu_id: whole,
      status: oneOf('AVAILABLE', 'IN_USE', 'UNRESERVED', 'ERROR'),
      gpu_model: text,
    },
    {
      user: text,
      account: text,
      type: oneOf('RUN', 'MANUAL'),
      note: text,
      duration_seconds: whole,
      started_at: time,
      last_heartbeat: time,
      expiry_time: time,
      last_released: time,
      memory_used_mb: amount,
      memory_total_mb: amount,
      utilization_percent: amount,
      temperature_c: { type: 'number' },
      power_w: amount,
      processes: list(ref('Process')),
      unreserved_users: list(text),
      other_users: list(text),
      details: text,
      model: text,
      validation: text,
      error: text,
    },
  ),
  Process: object({ pid: whole, name: text }, { user: text, memory_mb: amount }),
  QueuePlace: object(
    {
      position: { type: 'integer', minimum: 1 },
      user: text,
      account: text,
      type: oneOf('RUN', 'MANUAL'),
      gpus: whole,
      waiting_since: time,
      waiting_seconds: whole,
      reason: text,
      reason_code: oneOf('short', 'behind', 'next', 'unanswered', 'stopped'),
    },
    {
      gpu_ids: list(whole),
      gives_up_at: time,
      free: whole,
      unavailable_gpus: list(ref('UnavailableGpu')),
      behind_position: whole,
      driver_trouble: text,
      earliest_start: time,
      note: text,
    },
  ),
  UnavailableGpu: object(
    { gpu_id: whole, status: oneOf('ERROR', 'UNRESERVED', 'UNCHECKED') },
    { error: text, unreserved_users: list(text) },
  ),
  Snapshot: object(
    { hostname: text, version: text, at: time, status: list(ref('Gpu')), queue: list(ref('QueuePlace')) },
    { stale: object({ reason: text }, { since: time }) },
  ),
  Trend: object({
    gpus: {
      type: 'object',
      description: 'By GPU: [epoch ms, utilisation %, temperature °C, power W], oldest first; null: not told',
      additionalProperties: list({
        type: 'array',
        items: { type: ['number', 'null'] },
        minItems: 4,
        maxItems: 4,
      }),
    },
  }),
  Report: object({
    days: whole,
    from: time,
    to: time,
    users: list(object({ user: text, ...usage })),
    total: object(usage),
    total_reservations: whole,
    unique_users: whole,
  }),
  Daily: object({
    days: list(
      object({
        date: { type: 'string', format: 'date' },
        gpu_hours: amount,
        users: list(object({ user: text, gpu_hours: amount })),
      }),
    ),
  }),
  History: object(
    {
      from: time,
      to: time,
      records: list(
        object(
          {
            reservation: text,
            gpu_id: whole,
            user: text,
            account: text,
            type: oneOf('RUN', 'MANUAL'),
            started_at: time,
          },
          {
            ended_at: time,
            outcome: oneOf('released', 'exited', 'timed-out', 'expired', 'vanished', 'reset'),
            ended_by: {
              ...text,
              description: 'The account that reset the pool, or released what was held by another',
            },
            note: text,
          },
        ),
      ),
    },
    { left_out: { ...whole, description: 'How many records are missing, those that ended first' } },
  ),
  Health: object({ status: oneOf('ok'), driver: oneOf('ok', 'stale', 'asleep') }),
  Failure: object({ error: object({ code: text, message: text }, { hint: text }) }),
}
