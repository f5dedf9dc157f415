import { type Command, gpusOf, jobStart } from './command.ts'
import type { HistoryRow } from './evidence.ts'
import { type Hold, isBefore } from './holds.ts'
import { firstAtOrAfter } from './search.ts'
import { by, type Violation } from './violation.ts'

/** No GPU had two holders: by the locks of the jobs, by the times in the logs, and by the history. */
export function checkHolders(
  commands: readonly Command[],
  holds: readonly Hold[],
  history: readonly HistoryRow[],
  drift: number,
): readonly Violation[] {
  return [
    ...heldLocks(commands),
    ...overlaps(holds),
    ...sharedRows(history),
    ...outlived(holds, history, drift),
  ].map(by('holders'))
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

/**
 * No job ran on a GPU of another reservation. A transaction may read the clock a little before it finds that the job is
 * gone, but when the next one starts, that is done.
 */
function outlived(holds: readonly Hold[], history: readonly HistoryRow[], drift: number): readonly string[] {
  const commits = history.map(({ started_at }) => started_at).sort((a, b) => a - b)
  const rows = Map.groupBy(history, ({ gpu }) => gpu)
  return holds
    .filter(({ command }) => command.request.verb === 'run')
    .flatMap(({ command, gpu, from, to }) =>
      (rows.get(gpu) ?? [])
        .filter(({ note, ended_at }) => note !== command.id && ended_at > from.wall + drift)
        .filter(({ started_at }) => {
          const next = commits[firstAtOrAfter(commits, started_at + drift + 1, (at) => at)]
          return next !== undefined && next + drift < to.wall
        })
        .map(
          (row) =>
            `GPU ${gpu} had two holders: ${row.note} from ${row.started_at}, and ${command.id}, alive at ${to.wall}`,
        ),
    )
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
