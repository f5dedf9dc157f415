import type { Stamp } from '../log.ts'
import { type Command, NEVER, refusal } from './command.ts'

/** What `reserve --at` printed. */
interface BookingDocument {
  readonly booking: string
  readonly from: string
  readonly until: string
}

/** A booking that a command asked for, with what is known about it. Times by the clock of the pool. */
export interface Booked {
  readonly command: Command
  /** Undefined if the command could not print its answer: then there may be a booking or not. */
  readonly accepted: { readonly id: string; readonly from: number; readonly until: number } | undefined
  /** Undefined if it did not begin. */
  readonly begun: number | undefined
  /** It was certainly not cancelled before, and certainly at the end of the second one. */
  readonly cancelled: { readonly notBefore: Stamp; readonly at: Stamp }
}

/** Without those that were refused. */
export function bookedBy(commands: readonly Command[]): readonly Booked[] {
  const cancels = Map.groupBy(
    commands.filter(({ request }) => request.verb === 'cancel'),
    ({ request }) => request.booking ?? '',
  )
  return commands.flatMap((command) => {
    const { request, end, rows } = command
    if (request.verb !== 'book' || refusal(command) !== undefined) return []
    const document: BookingDocument | undefined = end?.status === 0 ? JSON.parse(end.stdout) : undefined
    const own = cancels.get(document?.booking ?? '') ?? []
    return {
      command,
      accepted: document && {
        id: document.booking,
        from: Date.parse(document.from),
        until: Date.parse(document.until),
      },
      begun: rows[0]?.started_at,
      cancelled: {
        notBefore: earliest(own.filter((each) => refusal(each) === undefined).map(({ from }) => from)),
        at: earliest(own.filter(isCancelled).map(({ to }) => to)),
      },
    }
  })
}

/** Whether the release cancelled a booking that had not begun. */
const isCancelled = ({ request, end }: Command): boolean =>
  request.verb === 'cancel' && end?.status === 0 && JSON.parse(end.stdout).cancelled !== undefined

const earliest = (stamps: readonly Stamp[]): Stamp =>
  stamps.reduce((first, each) => (each.steady < first.steady ? each : first), NEVER)
