import type { Command } from './command.ts'
import type { HistoryRow } from './evidence.ts'
import type { Rules } from './rules.ts'
import { by, type Violation } from './violation.ts'

/**
 * At the start of each reservation, its account holds no more GPUs than its limit. A booking counts from the time at
 * which it was made, so for it the largest limit since then counts. All times are those of the transactions, so the load
 * of the machine does not matter.
 */
export function checkLimits(
  commands: readonly Command[],
  history: readonly HistoryRow[],
  rules: Rules,
): readonly Violation[] {
  const byAccount = Map.groupBy(history, ({ uid }) => uid)
  return commands
    .flatMap((command) => [
      ...tooMany(command, byAccount.get(command.request.uid) ?? [], rules),
      ...tooLong(command, rules),
    ])
    .map(by('limits'))
}

function tooMany(command: Command, own: readonly HistoryRow[], rules: Rules): readonly string[] {
  const { id, request, rows } = command
  const start = rows[0]?.started_at
  if (start === undefined) return []
  const span = { from: sinceOf(command, start), to: start }
  const most = rules.most('max-gpus', request.uid, span)
  const held = own.filter(({ started_at, ended_at }) => started_at <= start && ended_at > start)
  if (held.length <= most) return []
  const gpus = held.map(({ gpu, note }) => `${gpu} (${note})`).join(', ')
  return [`${id} started at ${start}; with it ${request.user} had GPUs ${gpus}, the limit was ${most}`]
}

function tooLong(command: Command, rules: Rules): readonly string[] {
  const { id, request, rows } = command
  return rows.flatMap(({ outcome, started_at, ended_at, kind }) => {
    if (outcome !== 'expired') return []
    const span = { from: sinceOf(command, started_at), to: started_at }
    const most = rules.most('max-duration', request.uid, span)
    const held = ended_at - started_at
    return held <= most ? [] : [`${id} (${kind}) was granted GPUs for ${held} ms, the limit was ${most} ms`]
  })
}

const sinceOf = ({ request, from }: Command, start: number): number =>
  request.verb === 'book' ? Math.min(from.wall, start) : start
