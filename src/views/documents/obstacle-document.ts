import type { Obstacle } from '../../domain/observation/obstacles.ts'
import { gpuNumber } from '../../domain/pool/units.ts'
import type { UnavailableGpuDocument } from '../schemas/queue.ts'
import { STATES } from '../words/status/states.ts'
import { drainDocument } from './drain-document.ts'
import { definedOnly, faultFields } from './status-document.ts'

export function obstacleDocument(obstacle: Obstacle): UnavailableGpuDocument {
  return definedOnly({
    gpu_id: gpuNumber(obstacle.unit),
    status: STATUS[obstacle.kind],
    ...(obstacle.kind === 'faulty' ? faultFields(obstacle.fault) : {}),
    drain: obstacle.kind === 'draining' ? drainDocument(obstacle.drain) : undefined,
    unreserved_users: obstacle.kind === 'occupied' ? obstacle.users : undefined,
  })
}

const STATUS = {
  draining: STATES.drained.json,
  faulty: STATES.error.json,
  occupied: STATES.unreserved.json,
  unchecked: 'UNCHECKED',
} as const
