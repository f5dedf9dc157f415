import type { Entry } from '../log.ts'
import { type Command, tookAt, wasKilled } from './command.ts'
import type { Evidence } from './evidence.ts'
import { by, type Violation } from './violation.ts'

const NOT_NOW = 75
const INTERRUPTED = 130

/** Every command ended, with the right status, and nothing was left behind. */
export function checkEnds(commands: readonly Command[], evidence: Evidence): readonly Violation[] {
  const { pool, integrity } = evidence
  return [
    ...commands.flatMap(ending).map(by('ends')),
    ...evidence.entries.flatMap(leftOver),
    ...[...pool.reservations, ...pool.queue].map((each) => ({
      rule: 'gone' as const,
      message: `the pool was left with ${JSON.stringify(each)}`,
    })),
    ...(integrity === 'ok'
      ? []
      : [{ rule: 'ends' as const, message: `the database is damaged: ${integrity}` }]),
  ]
}

function leftOver(entry: Entry): readonly Violation[] {
  if (entry.event === 'stuck') return [by('ends')(`these did not end: ${entry.commands.join(', ')}`)]
  if (entry.event === 'remained') return [by('gone')(`supervisors ${entry.pids.join(', ')} did not leave`)]
  return []
}

function ending(command: Command): readonly string[] {
  const { id, request, end, printed } = command
  if (end === undefined || wasKilled(command)) return []
  const status = end.status ?? end.signal
  if (expectedEnds(command).includes(status)) return []
  return [`${id} (${request.argv.join(' ')}) ended with ${status}: ${printed.at(-1)?.line ?? ''}`]
}

function expectedEnds(command: Command): readonly (number | string | null)[] {
  const { request, from, to } = command
  switch (request.verb) {
    case 'run':
      if (tookAt(command) !== undefined) return endsOfJob(command)
      break
    case 'reserve':
      if (command.end?.status === 0) return [0]
      break
    case 'release':
      return request.gpus !== undefined && isForeign(command) ? [0, 1] : [0]
    default:
      return [0]
  }
  // A waiter without a limit is never refused.
  if (request.patience === null) return []
  return to.steady - from.steady >= (request.patience ?? 0) ? [NOT_NOW] : []
}

/** Another user held one of the GPUs that it named. */
const isForeign = ({ printed }: Command): boolean =>
  printed.some(({ line }) => line.includes('"code":"not-yours"'))

/** The job's own status; with a time limit also the ends that the supervisor causes. */
function endsOfJob({ request, job }: Command): readonly (number | string | null)[] {
  const gave = job.find(({ event }) => event === 'gave')
  if (gave !== undefined) return request.holds === undefined ? [gave.number] : [gave.number, 'SIGKILL']
  return request.holds === undefined ? [] : [INTERRUPTED, 'SIGKILL', 'SIGINT']
}
