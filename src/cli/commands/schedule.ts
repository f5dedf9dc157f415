import { printable } from '../../domain/text/text.ts'
import { scheduleDocument } from '../../views/documents/schedule-document.ts'
import { scheduleText } from '../../views/words/schedule-words.ts'
import { command } from '../command.ts'

export const schedule = command({
  examples: ['canhazgpu schedule', 'canhazgpu schedule --json'],
  options: [],
  handle: async (_options, context) => (await context.pool()).view('status'),
  text: (overview, { columns }) => ({
    ...(overview.driverFailure === undefined
      ? {}
      : { stderr: `GPUs not checked: ${printable(overview.driverFailure.message)}\n` }),
    stdout: scheduleText(overview, columns),
  }),
  json: scheduleDocument,
})
