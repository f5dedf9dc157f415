import { type Overview, overview } from '../../app/overview.ts'
import { statusDocument } from '../../app/status-document.ts'
import type { GpuStatus } from '../../domain/status.ts'
import type { CommandSpec } from '../command.ts'
import { option } from '../option.ts'
import { statusLine } from '../status-line.ts'
import { statusTable } from '../status-table.ts'
import type { World } from '../world.ts'

interface StatusOptions {
  readonly table?: boolean
  readonly watch?: boolean
  readonly mine?: boolean
  readonly free?: boolean
}

interface Shown extends Overview {
  readonly form: 'lines' | 'table'
}

/** How often the screen is drawn anew where nothing changed in the pool: usage changes by itself. */
const REDRAW_MS = 2_000

export const status: CommandSpec<StatusOptions, Shown> = {
  examples: ['canhazgpu status', 'canhazgpu status --table --watch', 'canhazgpu status --free --json'],
  options: () => [
    option('--table', 'Show a table'),
    option('--watch', 'Keep showing, until Ctrl-C'),
    option('--mine', 'Only GPUs that you hold or use'),
    option('--free', 'Only GPUs that are available'),
  ],
  handle: look,
  follow: (options, world) => (options.watch === true ? looks(options, world) : null),
  text: (seen, appearance) => ({
    stdout:
      seen.form === 'table'
        ? statusTable(seen.gpus, seen.view, appearance)
        : seen.gpus.map((gpu) => `${statusLine(gpu, seen.view, appearance)}\n`).join(''),
  }),
  json: statusDocument,
  failure: (seen) => seen.driverFailure,
}

async function look(options: StatusOptions, world: World): Promise<Shown> {
  const seen = await overview(await world.deps())
  // The name service, which may be slow, is asked only for what needs it.
  const isMeant = options.mine === true ? belongsTo((await world.account()).uid) : () => true
  const gpus = seen.gpus.filter((gpu) => isMeant(gpu) && (options.free !== true || gpu.kind === 'available'))
  return { ...seen, gpus, form: options.table === true ? 'table' : 'lines' }
}

async function* looks(options: StatusOptions, world: World): AsyncIterable<Shown> {
  const waker = world.openWaker((await world.deps()).store)
  try {
    do yield await look(options, world)
    while ((await waker.wait(REDRAW_MS)) !== 'interrupted')
  } finally {
    waker.close()
  }
}

const belongsTo = (uid: number) => (status: GpuStatus) => {
  if (status.kind === 'reserved') return status.reservation.account.uid === uid
  return status.usage.kind === 'measured' && status.usage.processes.some((process) => process.uid === uid)
}
