import { CanhazgpuError } from '../../domain/errors.ts'
import { isReplaced } from '../../domain/observation/readings.ts'
import type { GpuStatus, Overview } from '../../domain/observation/status.ts'
import { statusDocument } from '../../views/documents/status-document.ts'
import { summaryDocument } from '../../views/documents/summary-document.ts'
import { allReplacedWords, REFRESH_COMMAND } from '../../views/words/faults.ts'
import type { Display } from '../../views/words/printed.ts'
import { staleFailure } from '../../views/words/stale-words.ts'
import { statusLine } from '../../views/words/status/line.ts'
import { statusSummary } from '../../views/words/status/summary.ts'
import { statusTable } from '../../views/words/status/table.ts'
import { command } from '../command.ts'
import type { Given } from '../command-spec.ts'
import type { Context } from '../context.ts'
import type { OfHosts } from '../fleet/shown.ts'
import { allHosts, oneHost, whichHosts } from '../fleet/which.ts'
import { option, overriddenByAnyOf } from '../options/option.ts'

interface ShownHere extends Overview {
  readonly form: 'lines' | 'table' | 'summary'
  readonly filter: 'none' | 'mine' | 'free' | 'mine and free'
  /** Whether every GPU of the pool was replaced by another. */
  readonly areReplaced: boolean
}

type Shown = ({ readonly of?: never } & ShownHere) | ({ readonly of: 'hosts' } & OfHosts)

/** Interval of redraws without a change of the pool: memory and processes change without one. */
const REDRAW_MS = 2_000

const options = [
  option('--table', 'Show a table', { isOverridden: overriddenByAnyOf('summary') }),
  option('-s, --summary', 'Show only how many GPUs of which model are available and in use', {
    isOverridden: overriddenByAnyOf('table'),
  }),
  option('--watch', 'Redraw until q is pressed', {
    onTerminal: true,
    isOverridden: overriddenByAnyOf('json'),
  }),
  option('--mine', 'Only GPUs that you hold or use'),
  option('--free', 'Only GPUs that are available'),
  allHosts,
  oneHost,
]

type StatusOptions = Given<typeof options>

export const status = command({
  examples: ['canhazgpu status', 'canhazgpu status --table --watch', 'canhazgpu status --free --json'],
  options,
  handle: readStatus,
  follow: (given, context) => (given.watch === true ? statusUpdates(given, context) : null),
  text: (shown, display) => {
    if (shown.of === 'hosts') return shown.text(display)
    const notices = [replacedNotice(shown), emptyNotice(shown)].filter((notice) => notice !== undefined)
    return {
      stdout: statusText(shown, display),
      ...(notices.length === 0 ? {} : { stderr: `${notices.join('\n')}\n` }),
    }
  },
  json: (shown) => {
    if (shown.of === 'hosts') return shown.json()
    return shown.form === 'summary' ? summaryDocument(shown) : statusDocument(shown)
  },
  failure: (shown) => {
    if (shown.of === 'hosts') return shown.failure
    const { driverFailure, stale, view } = shown
    return stale === undefined ? driverFailure : staleFailure(stale, view.now)
  },
})

function statusText({ form, pool, gpus, view }: ShownHere, display: Display): string {
  switch (form) {
    case 'table':
      return statusTable(gpus, view, display)
    case 'summary':
      return statusSummary(pool.host, gpus, display)
    case 'lines':
      return gpus.map((gpu) => `${statusLine(gpu, view, display)}\n`).join('')
  }
}

/** The warning for a pool whose GPUs were all replaced. */
function replacedNotice({ pool, areReplaced }: ShownHere): string | undefined {
  if (!areReplaced) return undefined
  return `Warning: ${allReplacedWords(pool.units.length)} - ${REFRESH_COMMAND} adopts them and ends no reservation`
}

/** The notice if no GPU matches the filters. No output at all could be taken for a failure. */
function emptyNotice({ gpus, filter }: ShownHere): string | undefined {
  if (gpus.length > 0) return undefined
  switch (filter) {
    case 'mine':
      return 'You neither hold nor use a GPU'
    case 'free':
      return "No GPU is available: see 'canhazgpu status' for the holders"
    case 'mine and free':
      return 'None of your processes uses an available GPU'
    case 'none':
      return undefined
  }
}

function filterOf({ mine, free }: StatusOptions): ShownHere['filter'] {
  if (mine === true) return free === true ? 'mine and free' : 'mine'
  return free === true ? 'free' : 'none'
}

function formOf({ table, summary }: StatusOptions): ShownHere['form'] {
  if (table === true && summary === true) {
    throw new CanhazgpuError('usage', '--table and --summary contradict each other')
  }
  if (summary === true) return 'summary'
  return table === true ? 'table' : 'lines'
}

async function readStatus(options: StatusOptions, context: Context): Promise<Shown> {
  const form = formOf(options)
  const which = whichHosts(options)
  if (which !== null) {
    const { statusOfHosts } = await import('../fleet/status-of-hosts.ts')
    const chosen = { form, mine: options.mine === true, free: options.free === true }
    return { of: 'hosts', ...(await statusOfHosts(which, chosen, context)) }
  }
  const overview = await (await context.pool()).view('status')
  // The name service may be slow, so only `--mine` looks up the account.
  const isSelected = options.mine === true ? belongsTo((await context.account()).uid) : () => true
  const gpus = overview.gpus.filter(
    (gpu) => isSelected(gpu) && (options.free !== true || gpu.kind === 'available'),
  )
  const areReplaced = overview.gpus.every(({ use }) => isReplaced(use))
  return { ...overview, gpus, form, filter: filterOf(options), areReplaced }
}

async function* statusUpdates(options: StatusOptions, context: Context): AsyncIterable<Shown> {
  const waker = await context.openWaker()
  try {
    do yield await readStatus(options, context)
    while ((await waker.wait(REDRAW_MS)) !== 'interrupted')
  } finally {
    waker.close()
  }
}

const belongsTo = (uid: number) => (status: GpuStatus) => {
  if (status.kind === 'reserved' && status.reservation.owner.account.uid === uid) return true
  return status.use.kind === 'measured' && status.use.processes.some((process) => process.uid === uid)
}
