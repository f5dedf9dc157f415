import type { Audit } from './truth.ts'

/** I3: the drained GPUs are exactly those that root drained. A reset keeps the drain of the GPUs that stay in the pool. */
export function auditDrains({ process, after, truth, report }: Audit): void {
  const { purpose } = process
  const uuids = new Map(after.units.map(({ id, device }) => [id, device.uuid]))
  if (purpose.kind === 'drain' || purpose.kind === 'restore') {
    const named = purpose.units.map((id) => uuids.get(id))
    // A request with an unknown GPU is refused as a whole.
    for (const uuid of named.includes(undefined) ? [] : named) {
      if (uuid === undefined) continue
      if (purpose.kind === 'drain') truth.drained.add(uuid)
      else truth.drained.delete(uuid)
    }
  }
  if (purpose.kind === 'set-up') {
    const left = new Set(uuids.values())
    for (const uuid of truth.drained) if (!left.has(uuid)) truth.drained.delete(uuid)
  }
  for (const { id, device, drain } of after.units) {
    if ((drain !== undefined) === truth.drained.has(device.uuid)) continue
    report('I3', () => `GPU ${id} is ${drain === undefined ? 'not ' : ''}drained`)
  }
}
