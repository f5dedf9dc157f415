import { type Overview, overview } from '../../app/overview.ts'
import { statusDocument } from '../../app/status-document.ts'
import type { CommandSpec } from '../command.ts'
import { statusLine } from '../status-line.ts'

export const status: CommandSpec<Record<never, never>, Overview> = {
  name: 'status',
  summary: 'Show current GPU allocation status',
  examples: ['canhazgpu status', 'canhazgpu status --json'],
  configure: (command) => command,
  handle: async (_options, world) => overview(await world.deps()),
  text: (seen, look) => ({
    stdout: seen.gpus.map((gpu) => `${statusLine(gpu, seen.view, look)}\n`).join(''),
  }),
  json: statusDocument,
  failure: (seen) => seen.driverFailure,
}
