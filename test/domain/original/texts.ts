/**
 * What the original canhazgpu stores in Redis. Its Lua scripts write Unix seconds and leave out what is absent; its Go
 * code writes RFC 3339 times with nanoseconds and an offset, and `null` for no time.
 */

interface Hold {
  readonly user?: string
  readonly kind: 'run' | 'manual'
  readonly start: number
  readonly heartbeat?: number
  readonly expiry?: number
  readonly note?: string
}

export function luaHold({ user = 'alice', kind, start, heartbeat, expiry, note }: Hold): string {
  return JSON.stringify({
    ...{ user, actual_user: user, start_time: seconds(start), type: kind },
    ...(heartbeat === undefined ? {} : { last_heartbeat: seconds(heartbeat) }),
    ...(expiry === undefined ? {} : { expiry_time: seconds(expiry) }),
    ...(note === undefined ? {} : { note }),
  })
}

export function goHold({ user = 'alice', kind, start, heartbeat, expiry, note }: Hold): string {
  return JSON.stringify({
    ...{ user, actual_user: user, start_time: goTime(start), last_heartbeat: goTime(heartbeat), type: kind },
    ...{ expiry_time: goTime(expiry), last_released: null },
    ...(note === undefined ? {} : { note }),
  })
}

export const goReleased = (at: number): string =>
  JSON.stringify({ start_time: null, last_heartbeat: null, expiry_time: null, last_released: goTime(at) })

interface Record {
  readonly user?: string
  readonly gpu: number
  readonly kind?: 'run' | 'manual'
  readonly start: number
  readonly end: number
}

export function goRecord({ user = 'alice', gpu, kind = 'run', start, end }: Record): string {
  return JSON.stringify({
    ...{ user, gpu_id: gpu, start_time: goTime(start), end_time: goTime(end) },
    ...{ duration_seconds: (end - start) / 1_000, reservation_type: kind },
  })
}

/** A request in the queue. */
export const goEntry = (heartbeat: number): string =>
  JSON.stringify({
    ...{ id: 'waiting', user: 'alice', actual_user: 'alice', requested_count: 2, allocated_gpus: [] },
    ...{ reservation_type: 'run', enqueue_time: goTime(heartbeat), last_heartbeat: goTime(heartbeat) },
  })

const seconds = (at: number): number => Math.trunc(at / 1_000)

const goTime = (at: number | undefined): string | null =>
  at === undefined ? null : new Date(at + 3_600_000).toISOString().replace('.000Z', '.372177993+01:00')
