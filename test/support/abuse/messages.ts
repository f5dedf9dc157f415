import type { CallerSettings } from '../../../src/app/remote/protocol.ts'
import type { CheckedRequest } from '../../../src/daemon/requests.ts'
import type { Intent } from '../../../src/domain/operation/intent.ts'
import type { Views } from '../../../src/ports/pool-service.ts'

export const caller: CallerSettings = { threshold: null, probeTimeout: 10_000 }
export const view = (n: number, name: keyof Views = 'status'): CheckedRequest => ({
  n,
  ask: 'view',
  view: name,
  caller,
})
/** Asks for one GPU for a minute. */
export const intent = (id: string): Intent => ({
  ...{ id, request: { kind: 'count', count: 1 }, term: { kind: 'manual', duration: 60_000 } },
  owner: { account: { uid: 0, name: 'root' }, shownName: 'root' },
})
