import { shownName } from '../../domain/ledger/shown-accounts.ts'
import type { QueuePlace } from '../../domain/schedule/queue-places.ts'
import { formatDuration } from '../../domain/text/duration.ts'
import { printable } from '../../domain/text/text.ts'
import { queueDocument } from '../../views/documents/queue-document.ts'
import { requestWords } from '../../views/words/request-words.ts'
import { table } from '../../views/words/table.ts'
import { forecastWords, reasonWords } from '../../views/words/waiting-words.ts'
import { command } from '../command.ts'

export const queue = command({
  examples: ['canhazgpu queue', 'canhazgpu queue --json'],
  options: [],
  handle: async (_options, context) => (await context.pool()).view('queue'),
  text: ({ places, now, driverFailure }, { columns }) => ({
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
  }),
  json: queueDocument,
})

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
