import type { Moment, Pool, Reservation } from '../../src/domain/pool/model.ts'

const EARLIER_BOOT = '11111111-2222-3333-4444-555555555555'

/** The stored pool as an earlier boot of the machine would have written it, with the last heartbeats at `heartbeatAt`. */
export function beforeReboot(document: Pool, heartbeatAt: number): Pool {
  return {
    ...document,
    writtenAt: momentBefore(document.writtenAt),
    reservations: document.reservations.map((held) => ofEarlierBoot(held, heartbeatAt)),
  }
}

function ofEarlierBoot(held: Reservation, heartbeatAt: number): Reservation {
  const { term } = held
  if (term.kind !== 'run') return held
  const process = { ...term.process, bootId: EARLIER_BOOT }
  return { ...held, startedAt: heartbeatAt - 1_000, term: { ...term, heartbeatAt, process } }
}

/** The earlier boot had a longer uptime. */
function momentBefore({ wall, steady }: Moment): Moment {
  const [, timeNamespace] = steady.epoch.split('/')
  return { wall, steady: { epoch: `${EARLIER_BOOT}/${timeNamespace}`, ms: steady.ms + 3_600_000 } }
}
