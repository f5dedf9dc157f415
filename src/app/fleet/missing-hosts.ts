import { KEPT_FOR_MS, type Posted } from '../../ports/board.ts'
import type { KnownHosts } from '../../ports/known-hosts.ts'

/** What a view has read of the board, and the hosts that earlier views have shown and that are missing in it. */
export function withMissingHosts(posted: readonly Posted[], known: KnownHosts): readonly Posted[] {
  const ages = new Map([...known.load()].filter(([, age]) => age <= KEPT_FOR_MS))
  const read = new Set(posted.map(({ host }) => host))
  const missing = [...ages].flatMap(([host, age]): Posted[] =>
    read.has(host) ? [] : [{ host, age, text: undefined, isLost: true }],
  )
  for (const { host, age, isLeftOut } of posted) if (!isLeftOut) ages.set(host, age)
  known.save(ages)
  return [...posted, ...missing]
}
