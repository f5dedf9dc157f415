import type { QueueOfHosts } from '../../views/schemas/fleet.ts'
import { PLACE_COLUMNS, placeRow } from '../../views/words/fleet/place-words.ts'
import { table } from '../../views/words/table.ts'
import type { Context } from '../context.ts'
import { askHosts } from './answers.ts'
import type { OfHosts } from './shown.ts'

const HEADER = ['HOST', ...PLACE_COLUMNS]

/** `queue --all`. */
export async function queueOfHosts(context: Context): Promise<OfHosts> {
  const { hosts, notice, old, now, failure } = await askHosts({ kind: 'all' }, 'queue', context)
  const rows = hosts.flatMap(({ host, part }) =>
    (part?.places ?? []).map((place) => [host.host, ...placeRow(place, now)]),
  )
  const leftOut = hosts.flatMap(({ host, part }) =>
    part?.left_out === undefined ? [] : [`${host.host}: ${part.left_out} more are waiting\n`],
  )
  return {
    text: ({ columns }) => ({
      stdout: rows.length === 0 ? 'Nobody is waiting\n' : table(HEADER, rows, columns),
      stderr: notice + leftOut.join('') + old,
    }),
    json: (): QueueOfHosts =>
      hosts.map(({ host, part }) => {
        if (part === undefined) return host
        const { places, left_out } = part
        return { ...host, places, ...(left_out === undefined ? {} : { left_out }) }
      }),
    failure,
  }
}
