import { type PoolCreated, setUpPool } from '../../app/set-up.ts'
import { CanhazgpuError } from '../../domain/errors.ts'
import { ALLOCATIONS, type PoolSettings, PROVIDERS, type ProviderName } from '../../domain/model.ts'
import type { Checkup } from '../../domain/soundness.ts'
import { printable } from '../../domain/text.ts'
import type { CommandSpec, Printed } from '../command.ts'
import { option } from '../option.ts'
import { gpuCount } from '../options.ts'

interface AdminOptions {
  readonly gpus?: number
  readonly force?: boolean
  readonly provider?: ProviderName
  readonly group?: string
  readonly allocation?: PoolSettings['allocation']
  readonly check?: boolean
}

type Done = PoolCreated | ({ readonly kind: 'checked' } & Checkup)

export const admin: CommandSpec<AdminOptions, Done> = {
  examples: [
    'sudo canhazgpu admin --gpus 8',
    'sudo canhazgpu admin --gpus 4 --force',
    'sudo canhazgpu admin --check',
  ],
  options: () => [
    option('-g, --gpus <count>', 'Number of GPUs available on this machine (required)', {
      read: gpuCount,
      mandatory: true,
      unless: 'check',
    }),
    option('--force', 'Force reinitialization even if already initialized; clears all reservations'),
    option('--provider <name>', `How to ask the GPUs: ${PROVIDERS.join(', ')} (default: what is found)`, {
      read: provider,
    }),
    option('--group <name>', 'Unix group that may use the pool (default: every user)'),
    option('--allocation <policy>', `Which free GPUs first: ${ALLOCATIONS.join(', ')} (default: lru)`, {
      read: allocation,
    }),
    option('--check', 'Only look whether the stored pool is sound, and say what to do if not'),
  ],
  async handle({ check, ...options }, world) {
    if (check === true) {
      refuseBeside(options)
      return { kind: 'checked', ...(await world.checkPool()) }
    }
    const { gpus = 0 } = options
    return setUpPool(await world.poolPlace(options.group), {
      host: world.hostname(),
      gpuCount: gpus,
      force: options.force ?? false,
      settings: { allocation: options.allocation ?? 'lru' },
      detect: () => world.detectGpus(options.provider, gpus),
    })
  },
  text: (done) => (done.kind === 'checked' ? checkupText(done) : createdText(done)),
  json: (done) => (done.kind === 'checked' ? checkupDocument(done) : createdDocument(done)),
  failure: (done) => (done.kind === 'checked' ? checkupFailure(done) : undefined),
}

function refuseBeside(options: Omit<AdminOptions, 'check'>): void {
  const given = (['gpus', 'force', 'provider', 'group', 'allocation'] as const).find(
    (name) => options[name] !== undefined,
  )
  if (given === undefined) return
  throw new CanhazgpuError('usage', `--check and --${given} contradict each other`, {
    hint: '--check changes nothing',
  })
}

function createdText({ kind, gpuCount: count, damaged }: PoolCreated): Printed {
  const verb = kind === 'initialized' ? 'Initialized' : 'Reinitialized'
  return {
    stdout: `${verb} ${count} GPUs (IDs 0 to ${count - 1})\n`,
    ...(damaged === undefined
      ? {}
      : {
          stderr: `The damaged pool is kept as ${damaged.keptAs}; ${counted(damaged.records, 'usage record')} taken over\n`,
        }),
  }
}

const createdDocument = ({ kind, gpuCount, damaged }: PoolCreated) => ({
  result: kind,
  gpus: gpuCount,
  ...(damaged === undefined ? {} : { damaged: { kept_as: damaged.keptAs, records: damaged.records } }),
})

function checkupText({ path, problems, counts }: Checkup): Printed {
  if (problems.length > 0) {
    return { stdout: problems.map(({ what, cure }) => `${printable(what)} - ${cure}\n`).join('') }
  }
  const { gpus = 0, reservations = 0, waiting = 0, records = 0 } = counts ?? {}
  const contents = [
    counted(gpus, 'GPU'),
    counted(reservations, 'reservation'),
    `${waiting} waiting`,
    counted(records, 'usage record'),
  ]
  return { stdout: `The pool ${path} is sound: ${contents.join(', ')}\n` }
}

const checkupDocument = ({ path, problems, counts }: Checkup) => ({
  sound: problems.length === 0,
  path,
  ...counts,
  problems,
})

function checkupFailure({ path, problems }: Checkup): CanhazgpuError | undefined {
  if (problems.length === 0) return undefined
  const code = problems.some(({ kind }) => kind === 'damage') ? 'store-corrupt' : 'store-unavailable'
  return new CanhazgpuError(code, `The pool ${path} is not sound: ${counted(problems.length, 'problem')}`)
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

const provider = oneOf('--provider', PROVIDERS)
const allocation = oneOf('--allocation', ALLOCATIONS)

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
