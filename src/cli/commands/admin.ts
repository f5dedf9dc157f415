import type { WantedPool } from '../../app/administration.ts'
import type { OnSetUpProgress } from '../../app/set-up.ts'
import { CanhazgpuError } from '../../domain/errors.ts'
import { poolThreshold } from '../../domain/observation/threshold.ts'
import { ALLOCATIONS, PROVIDER_CHOICES } from '../../domain/pool/model.ts'
import { adminDocument } from '../../views/documents/admin-document.ts'
import { type AdminAnswer, adminFailure, adminText } from '../../views/words/admin-answers.ts'
import { missingCount } from '../../views/words/admin-guide.ts'
import { unlessRefused } from '../../views/words/refusals.ts'
import { SetUpProgressLine } from '../../views/words/set-up-progress.ts'
import { command } from '../command.ts'
import type { Given } from '../command-spec.ts'
import type { Context } from '../context.ts'
import { gpuCount, megabytes, oneOf, redisAddress } from '../options/kinds.ts'
import { option } from '../options/option.ts'

/** Actions that set up nothing, so they require no `--gpus`. */
const ACTIONS = ['check', 'show', 'refresh', 'backup'] as const

const options = [
  option('-g, --gpus <count>', 'Number of GPUs available on this machine (required)', {
    kind: gpuCount,
    isOverridden: hasNoSetUp,
  }),
  option('--force', 'Force reinitialization even if already initialized; clears all reservations', {
    onlyTyped: true,
  }),
  option(
    '-p, --provider <name>',
    `Driver interface: ${PROVIDER_CHOICES.join(', ')} (default: the first that works)`,
    { kind: oneOf(PROVIDER_CHOICES), isOverridden: hasNoSetUp },
  ),
  option('--group <name>', 'Unix group that may use the pool (default: every user)', {
    isOverridden: hasNoSetUp,
  }),
  option(
    '--allocation <policy>',
    `Order in which free GPUs are granted: ${ALLOCATIONS.join(', ')} (default: lru)`,
    {
      kind: oneOf(ALLOCATIONS),
      isOverridden: hasNoSetUp,
    },
  ),
  option(
    '--memory-threshold <mb>',
    'Memory on an unreserved GPU that counts as use, for all users (default: 1024)',
    { kind: megabytes, onlyTyped: true },
  ),
  option('--import <url>', 'Take over the pool of the original canhazgpu from its Redis server', {
    kind: redisAddress,
    onlyTyped: true,
  }),
  option('--dry-run', 'With --import: only show what would be taken over', { onlyTyped: true }),
  option('--check', 'Only check pool and driver, and print a remedy for each problem', {
    onlyTyped: true,
  }),
  option('--refresh', 'Only adopt the GPUs that the driver shows now; keeps reservations', {
    onlyTyped: true,
  }),
  option('--show', "Only show the pool's settings", { onlyTyped: true }),
  option('--backup <file>', 'Only write a copy of the pool to a new file, while the pool is in use', {
    onlyTyped: true,
  }),
]

type AdminOptions = Given<typeof options>

export const admin = command({
  examples: [
    'sudo canhazgpu admin --gpus 8',
    'sudo canhazgpu admin --gpus 4 --force',
    'sudo canhazgpu admin --memory-threshold 512',
    'sudo canhazgpu admin --import redis://localhost:6379 --dry-run',
    'sudo canhazgpu admin --check',
  ],
  options,
  async handle(given, context): Promise<AdminAnswer> {
    refuseCombination(given)
    if (given.check === true) return check(context)
    if (given.refresh === true) return refresh(context)
    if (given.show === true) return showSettings(context)
    if (given.import !== undefined) return importPool(given, given.import, context)
    if (given.backup !== undefined) return backUp(given.backup, context)
    if (given.gpus === undefined) return withoutCount(given, context)
    return setUp(given, given.gpus, context)
  },
  text: adminText,
  json: adminDocument,
  failure: adminFailure,
})

function hasNoSetUp(typed: ReadonlySet<string>): boolean {
  const isChange = typed.has('memoryThreshold') && !typed.has('gpus') && !typed.has('force')
  return isChange || typed.has('import') || ACTIONS.some((name) => typed.has(name))
}

/** Throws `usage` if an action is combined with another option. */
function refuseCombination(given: AdminOptions): void {
  const names = Object.entries(given).flatMap(([name, value]) =>
    value === undefined || value === false ? [] : [name],
  )
  if (names.includes('dryRun') && !names.includes('import')) {
    throw new CanhazgpuError('usage', '--dry-run is only for --import')
  }
  if (names.includes('import') && names.includes('gpus')) {
    throw new CanhazgpuError('usage', '--import and --gpus contradict each other', {
      hint: 'the pool gets the number of GPUs that the original one has',
    })
  }
  const action = ACTIONS.find((name) => names.includes(name))
  if (action === undefined) return
  const all: readonly string[] = [...ACTIONS, ...options.map(({ name }) => name)]
  const other = all.find((name) => name !== action && names.includes(name))
  const flag = options.find(({ name }) => name === other)?.long
  if (flag === undefined) return
  throw new CanhazgpuError('usage', `--${action} and ${flag} contradict each other`, {
    hint: `use --${action} without other options`,
  })
}

async function check(context: Context): Promise<AdminAnswer> {
  return { kind: 'checked', ...(await (await context.administration()).check()) }
}

async function refresh(context: Context): Promise<AdminAnswer> {
  return { kind: 'refreshed', units: unlessRefused(await (await context.administration()).refresh()) }
}

async function showSettings(context: Context): Promise<AdminAnswer> {
  return { kind: 'shown', ...(await (await context.administration()).settings()) }
}

async function backUp(file: string, context: Context): Promise<AdminAnswer> {
  const { place } = await (await context.administration()).settings()
  return { kind: 'backed-up', path: await context.copyPool(place.path, file) }
}

function withoutCount(given: AdminOptions, context: Context): Promise<AdminAnswer> {
  const { memoryThreshold, force, group, allocation } = given
  if (force === true || group !== undefined || allocation !== undefined) {
    throw missingCount("see 'canhazgpu admin --help'")
  }
  return memoryThreshold === undefined
    ? guide(given, context)
    : changeThreshold(given, memoryThreshold, context)
}

/** The settings of the pool, or the GPUs that a new one could have. */
async function guide({ provider }: AdminOptions, context: Context): Promise<AdminAnswer> {
  try {
    const { pool, place } = await (await context.administration()).settings()
    return { kind: 'guide', found: { kind: 'pool', pool, place } }
  } catch (error) {
    if (!(error instanceof CanhazgpuError)) throw error
    if (error.code !== 'pool-not-initialized') return { kind: 'guide', found: { kind: 'unreadable', error } }
  }
  try {
    return { kind: 'guide', found: { kind: 'gpus', probe: await context.detectGpus(provider) } }
  } catch (error) {
    if (!(error instanceof CanhazgpuError)) throw error
    return { kind: 'guide', found: { kind: 'no gpus', error } }
  }
}

async function changeThreshold(
  { provider }: AdminOptions,
  memoryThreshold: number,
  context: Context,
): Promise<AdminAnswer> {
  if (provider !== undefined) throw missingCount("see 'canhazgpu admin --help'")
  const administration = await context.administration()
  const policy = unlessRefused(
    await administration.setPolicy({ key: 'memory-threshold', value: memoryThreshold }),
  )
  return { kind: 'threshold-set', thresholdMb: poolThreshold({ policy }) }
}

async function setUp(given: AdminOptions, gpuCount: number, context: Context): Promise<AdminAnswer> {
  const administration = await context.administration()
  return showingProgress(given, context, async (onProgress) =>
    unlessRefused(await administration.setUp(wantedPool(given, gpuCount), onProgress)),
  )
}

function importPool(given: AdminOptions, redis: URL, context: Context): Promise<AdminAnswer> {
  return showingProgress(given, context, (onProgress) => imported(given, redis, { context, onProgress }))
}

async function imported(
  given: AdminOptions,
  redis: URL,
  { context, onProgress }: { readonly context: Context; readonly onProgress: OnSetUpProgress },
): Promise<AdminAnswer> {
  const { provider, gpuCount, takeOver } = await context.readOriginal(redis, (part) =>
    onProgress({ task: 'read', part }),
  )
  const administration = await context.administration()
  const wanted = { provider, ...wantedPool(given, gpuCount), imported: takeOver.taken }
  const answer = { kind: 'imported', gpuCount, takeOver } as const
  if (given.dryRun !== true)
    return { ...answer, created: unlessRefused(await administration.setUp(wanted, onProgress)) }
  unlessRefused(await administration.planSetUp(wanted))
  return answer
}

/** With `--json` a script reads the output, and gets no progress. */
async function showingProgress<Result>(
  { json }: { readonly json?: boolean },
  context: Context,
  work: (onProgress: OnSetUpProgress) => Promise<Result>,
): Promise<Result> {
  if (json === true) return work(() => {})
  const line = new SetUpProgressLine(context.stderr, context)
  return work((progress) => line.show(progress)).finally(() => line.close())
}

function wantedPool(
  { provider, group, force, allocation, memoryThreshold }: AdminOptions,
  gpuCount: number,
): WantedPool {
  return {
    gpuCount,
    force: force ?? false,
    policy: {
      ...(allocation === undefined ? {} : { allocation }),
      ...(memoryThreshold === undefined ? {} : { memoryThresholdMb: memoryThreshold }),
    },
    ...(provider === undefined ? {} : { provider }),
    ...(group === undefined ? {} : { group }),
  }
}
