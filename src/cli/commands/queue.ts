import { shownName } from '../../domain/ledger/shown-names.ts'
import type { QueueOverview, QueuePlace } from '../../domain/schedule/queue-places.ts'
import { formatDuration } from '../../domain/text/duration.ts'
import { printable } from '../../domain/text/text.ts'
import { queueDocument } from '../../views/documents/queue-document.ts'
import type { Display, Printed } from '../../views/words/printed.ts'
import { requestWords } from '../../views/words/request-words.ts'
import { table } from '../../views/words/table.ts'
import { forecastWords, reasonWords } from '../../views/words/waiting-words.ts'
import { command } from '../command.ts'
import type { OfHosts } from '../fleet/shown.ts'
import { allHosts } from '../fleet/which.ts'

type Shown = ({ readonly of?: never } & QueueOverview) | ({ readonly of: 'hosts' } & OfHosts)

export const queue = command({
  examples: ['canhazgpu queue', 'canhazgpu queue --all', 'canhazgpu queue --json'],
  options: [allHosts],
  handle: async ({ all }, context): Promise<Shown> => {
    if (all !== true) return (await context.pool()).view('queue')
    const { queueOfHosts } = await import('../fleet/queue-of-hosts.ts')
    return { of: 'hosts', ...(await queueOfHosts(context)) }
  },
  text: (shown, display) => (shown.of === 'hosts' ? shown.text(display) : queueText(shown, display)),
  json: (shown) => (shown.of === 'hosts' ? shown.json() : queueDocument(shown)),
  failure: (shown) => (shown.of === 'hosts' ? shown.failure : undefined),
})

function queueText({ places, now, driverFailure }: QueueOverview, { columns }: Display): Printed {
  return {
    ...(driverFailure === undefined
      ? {}
      : { stderr: `GPUs not checked: ${printable(driverFailure.message)}\n` }),
    stdout:
      places.length === 0
        ? 'Nobody is waiting\n'
        : table(
            ['POSITION', 'USER', 'REQUEST', 'TYPE', 'WAITING', 'REASON', 'ESTIMATE', 'NOTE'],
            rows(places, now),
            columns,
          ),
  }
}

function rows(places: readonly QueuePlace[], now: number): readonly (readonly string[])[] {
  return places.map(({ position, entry, reason, forecast }) => [
    String(position),
    printable(shownName(entry)),
    requestWords(entry.request),
    entry.term.kind,
    formatDuration(now - entry.joinedAt),
    reasonWords(reason),
    forecastWords(forecast, now),
    printable(entry.note ?? ''),
  ])
}
