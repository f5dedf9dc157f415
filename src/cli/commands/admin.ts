import { refreshDevices, setMemoryThreshold } from '../../app/change-pool.ts'
import { compareDriver } from '../../app/compare-driver.ts'
import { setUpPool } from '../../app/set-up.ts'
import { CanhazgpuError } from '../../domain/errors.ts'
import { poolThreshold } from '../../domain/observation/threshold.ts'
import { ALLOCATIONS, type Policy, PROVIDER_CHOICES, type ProviderChoice } from '../../domain/pool/model.ts'
import { checkMayAdminister } from '../../domain/pool/rights.ts'
import { MEGABYTES_EXPECTED, readMegabytes } from '../../domain/settings.ts'
import { type AdminAnswer, adminDocument, adminFailure, adminText } from '../../views/words/admin-answers.ts'
import type { CommandSpec } from '../command.ts'
import { option } from '../options/option.ts'
import { gpuCount } from '../options/options.ts'
import type { World } from '../world.ts'

interface SetUpOptions {
  readonly gpus?: number
  readonly force?: boolean
  readonly provider?: ProviderChoice
  readonly group?: string
  readonly allocation?: Policy['allocation']
  readonly memoryThreshold?: number
}

interface AdminOptions extends SetUpOptions {
  readonly check?: boolean
  readonly show?: boolean
  readonly refresh?: boolean
}

/** What needs no count of GPUs: it sets up nothing. */
const ACTIONS = ['check', 'show', 'refresh'] as const

export const admin: CommandSpec<AdminOptions, AdminAnswer> = {
  examples: [
    'sudo canhazgpu admin --gpus 8',
    'sudo canhazgpu admin --gpus 4 --force',
    'sudo canhazgpu admin --memory-threshold 512',
    'sudo canhazgpu admin --check',
  ],
  options: () => [
    option('-g, --gpus <count>', 'Number of GPUs available on this machine (required)', {
      read: gpuCount,
      mandatory: true,
      unless: [...ACTIONS, 'memoryThreshold'],
      givesWay: setsNothingUp,
    }),
    option('--force', 'Force reinitialization even if already initialized; clears all reservations'),
    option(
      '-p, --provider <name>',
      `How to ask the GPUs: ${PROVIDER_CHOICES.join(', ')} (default: what is found)`,
      { read: provider, givesWay: setsNothingUp },
    ),
    option('--group <name>', 'Unix group that may use the pool (default: every user)', {
      givesWay: setsNothingUp,
    }),
    option('--allocation <policy>', `Which free GPUs first: ${ALLOCATIONS.join(', ')} (default: lru)`, {
      read: allocation,
      givesWay: setsNothingUp,
    }),
    option(
      '--memory-threshold <mb>',
      'Memory on an unreserved GPU that counts as use, for everyone (default: 1024)',
      { read: megabytes },
    ),
    option('--check', 'Only check whether pool and driver are sound and agree, and say what to do if not'),
    option('--refresh', 'Only adopt the GPUs that the driver shows now; reservations stay'),
    option('--show', "Only show the pool's settings"),
  ],
  async handle(options, world) {
    refuseMixture(options)
    if (options.check === true) return check(world)
    if (options.refresh === true) return refresh(world)
    if (options.show === true) return showSettings(world)
    if (options.gpus === undefined) return changeThreshold(options, world)
    return setUp(options, options.gpus, world)
  },
  text: adminText,
  json: adminDocument,
  failure: adminFailure,
}

function setsNothingUp(typed: ReadonlySet<string>): boolean {
  const isChange = typed.has('memoryThreshold') && !typed.has('gpus') && !typed.has('force')
  return isChange || ACTIONS.some((name) => typed.has(name))
}

/** Each of the actions stands alone. */
function refuseMixture(options: AdminOptions): void {
  const given = Object.entries(options).flatMap(([name, value]) =>
    value === undefined || value === false ? [] : [name],
  )
  const action = ACTIONS.find((name) => given.includes(name))
  const other = ADMIN_OPTIONS.find((name) => name !== action && given.includes(name))
  if (action === undefined || other === undefined) return
  throw new CanhazgpuError('usage', `--${action} and --${flagOf(other)} contradict each other`, {
    hint: `--${action} stands alone`,
  })
}

const ADMIN_OPTIONS = [
  ...ACTIONS,
  ...(['gpus', 'force', 'provider', 'group', 'allocation', 'memoryThreshold'] as const),
]

const flagOf = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

async function check(world: World): Promise<AdminAnswer> {
  const checkup = await world.checkPool()
  const { pool } = checkup
  if (pool === undefined) return { kind: 'checked', ...checkup }
  const driver = await compareDriver(pool, () => world.detectGpus(pool.provider, pool.units.length))
  return { kind: 'checked', ...checkup, driver }
}

async function refresh(world: World): Promise<AdminAnswer> {
  checkMayAdminister(await world.account(), await world.poolOwner())
  return { kind: 'refreshed', units: await refreshDevices(await world.administratorDeps()) }
}

async function showSettings(world: World): Promise<AdminAnswer> {
  const { store } = await world.administratorDeps()
  const { pool } = await store.read()
  return { kind: 'shown', pool, place: await world.storedPlace() }
}

async function changeThreshold(
  { memoryThreshold, ...others }: SetUpOptions,
  world: World,
): Promise<AdminAnswer> {
  const stray = (['force', 'provider', 'group', 'allocation'] as const).find((name) => others[name])
  if (memoryThreshold === undefined || stray !== undefined) {
    throw new CanhazgpuError('usage', "Required option '-g, --gpus <count>' not specified", {
      hint: "see 'canhazgpu admin --help'",
    })
  }
  checkMayAdminister(await world.account(), await world.poolOwner())
  const pool = await setMemoryThreshold(await world.administratorDeps(), memoryThreshold)
  return { kind: 'threshold-set', thresholdMb: poolThreshold(pool) }
}

async function setUp(
  { provider: named, group, force, allocation: chosen, memoryThreshold }: SetUpOptions,
  gpus: number,
  world: World,
): Promise<AdminAnswer> {
  if (force === true) checkMayAdminister(await world.account(), await world.poolOwner())
  return setUpPool(await world.poolPlace(group), {
    host: world.hostname(),
    gpuCount: gpus,
    force: force ?? false,
    actor: await world.account(),
    policy: {
      ...(chosen === undefined ? {} : { allocation: chosen }),
      ...(memoryThreshold === undefined ? {} : { memoryThresholdMb: memoryThreshold }),
    },
    detect: (existing) => world.detectGpus(named ?? existing, gpus),
  })
}

const provider = oneOf('--provider', PROVIDER_CHOICES)
const allocation = oneOf('--allocation', ALLOCATIONS)

function megabytes(text: string): number {
  const read = readMegabytes(text)
  if (read !== undefined) return read
  throw new CanhazgpuError(
    'usage',
    `Invalid value for --memory-threshold: '${text}' - expected ${MEGABYTES_EXPECTED}`,
  )
}

function oneOf<Choice extends string>(flag: string, choices: readonly Choice[]): (text: string) => Choice {
  return (text) => {
    const choice = choices.find((each) => each === text)
    if (choice !== undefined) return choice
    throw new CanhazgpuError(
      'usage',
      `Invalid value for ${flag}: '${text}' - expected one of ${choices.join(', ')}`,
    )
  }
}
