import { type Command, gpusOf, jobStart } from './command.ts'
import type { HistoryRow } from './evidence.ts'
import { type Hold, isBefore } from './holds.ts'
import { by, type Violation } from './violation.ts'

/** No GPU had two holders: by the locks of the jobs, by the times in the logs, and by the history. */
export function checkHolders(
  commands: readonly Command[],
  holds: readonly Hold[],
  history: readonly HistoryRow[],
): readonly Violation[] {
  return [...heldLocks(commands), ...overlaps(holds), ...sharedRows(history)].map(by('holders'))
}

function heldLocks(commands: readonly Command[]): readonly string[] {
  return commands.flatMap(({ id, job }) =>
    job
      .filter(({ event }) => event === 'lock-held')
      .map(({ number, at }) => `${id} got GPU ${number} at ${at.steady} while another job had it`),
  )
}

function overlaps(holds: readonly Hold[]): readonly string[] {
  return [...Map.groupBy(holds, ({ gpu }) => gpu).values()].flatMap((onGpu) => {
    let open: readonly Hold[] = []
    return onGpu.flatMap((hold) => {
      const meanwhile = open.filter((other) => isBefore(hold.from, other.to))
      open = [...meanwhile, hold]
      return meanwhile.map(
        (other) => `GPU ${hold.gpu} had two holders: ${describe(other)} and ${describe(hold)}`,
      )
    })
  })
}

const describe = ({ command, from, to }: Hold): string =>
  `${command.id} (${command.request.verb}) from ${from.steady} to ${to.steady === Number.POSITIVE_INFINITY ? `${to.wall} by the wall clock` : to.steady}`

/** On each GPU one reservation ends before the next begins. */
function sharedRows(history: readonly HistoryRow[]): readonly string[] {
  return [...Map.groupBy(history, ({ gpu }) => gpu).values()].flatMap((rows) => {
    const sorted = rows.toSorted((a, b) => a.started_at - b.started_at || a.ended_at - b.ended_at)
    return sorted.flatMap((row, nth) => {
      const before = sorted[nth - 1]
      if (before === undefined || before.ended_at <= row.started_at) return []
      return `by the history GPU ${row.gpu} had two holders: ${before.note} until ${before.ended_at} and ${row.note} from ${row.started_at}`
    })
  })
}

/** A job got exactly the GPUs that its command requested. */
export function checkGrantedGpus(commands: readonly Command[]): readonly Violation[] {
  return commands
    .flatMap((command) => {
      const start = jobStart(command)
      const { gpus } = command.request
      if (start === undefined) return []
      const granted = gpusOf(start)
      const fits =
        typeof gpus === 'number' ? new Set(granted).size === gpus : String(granted) === String(gpus)
      return fits && granted.length === new Set(granted).size
        ? []
        : `${command.id} requested ${gpus} and got ${start.gpus}`
    })
    .map(by('holders'))
}
