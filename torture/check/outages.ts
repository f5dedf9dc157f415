import type { Entry, Stamp, Verb } from '../log.ts'
import type { Command } from './command.ts'

/** A time in which no daemon answered, or in which it may not have answered. */
export interface Outage {
  readonly from: Stamp
  readonly to: Stamp
}

/** How long a command waits for a daemon, as documented. */
const PATIENCE_MS = 5_000

/** Commands that must not be performed twice. */
const NOT_REPEATED: readonly Verb[] = ['release', 'cancel']

/** The outages, and the times in which the machine was overloaded. Without a daemon there are none. */
export function outagesIn(entries: readonly Entry[]): readonly Outage[] {
  const outages = withoutDaemon(entries)
  return outages.length === 0 ? [] : [...outages, ...overloadsIn(entries)]
}

function withoutDaemon(entries: readonly Entry[]): readonly Outage[] {
  let from: Stamp | undefined
  return entries.flatMap((entry) => {
    if (entry.event !== 'daemon') return []
    if (entry.what !== 'listens' && entry.what !== 'continued') from ??= entry.at
    else if (from !== undefined) {
      const outage = { from, to: entry.at }
      from = undefined
      return [outage]
    }
    return []
  })
}

/** A machine that needs so long for `true` is overloaded: a daemon that works may be too slow for the patience. */
const OVERLOADED_MS = 250

/** The times in which the machine was overloaded. */
const overloadsIn = (entries: readonly Entry[]): readonly Outage[] =>
  entries.flatMap((entry) => {
    if (entry.event !== 'measured' || entry.ms < OVERLOADED_MS) return []
    const { steady, wall } = entry.at
    return [{ from: { steady: steady - entry.ms, wall: wall - entry.ms }, to: entry.at }]
  })

/** The answer to the command may have been lost, and it ended with 75 because its grant ended before it asked again. */
export function missedGrant({ rows, from, to }: Command, outages: readonly Outage[]): boolean {
  return rows.length > 0 && outages.some((outage) => isDuring(outage, { from, to }))
}

/**
 * Such an end is documented: after five seconds or the end of its wait, or at once if it
 * must not be performed twice. It may have been performed.
 */
export function isDocumentedLack(command: Command, outages: readonly Outage[]): boolean {
  const { request, from, to } = command
  const patience = Math.min(PATIENCE_MS, request.waitLimit ?? PATIENCE_MS)
  return (
    outages.some((outage) => isDuring(outage, { from, to })) &&
    (NOT_REPEATED.includes(request.verb) || to.steady - from.steady >= patience)
  )
}

const isDuring = (outage: Outage, { from, to }: Outage): boolean =>
  outage.from.steady < to.steady && from.steady < outage.to.steady

/** Whether its error is that the daemon does not answer. */
export const lackedDaemon = ({ printed }: Pick<Command, 'printed'>): boolean =>
  printed.at(-1)?.line.includes('"code":"daemon-unavailable"') ?? false
