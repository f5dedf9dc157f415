import type { Grant } from '../../app/acquire.ts'
import { claimableGpus } from '../../app/claim.ts'
import { CanhazgpuError } from '../../domain/errors.ts'
import { deviceVariables, shellExport } from '../../domain/observation/device-variables.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { unitsOf } from '../../domain/pool/units.ts'
import { formatDuration, parseDuration } from '../../domain/text/duration.ts'
import { grantDocument } from '../../views/documents/grant-document.ts'
import { type AcquiringOptions, acquireFor, acquiringOptions, intentOf } from '../acquiring.ts'
import type { CommandSpec } from '../command.ts'
import { givesWayTo, option } from '../options/option.ts'
import type { World } from '../world.ts'

interface ReserveOptions extends AcquiringOptions {
  readonly duration: Millis
  readonly claim?: boolean
  readonly short?: boolean
  readonly export?: boolean
  readonly docker?: boolean
}

interface Reserved {
  readonly grant: Grant
  readonly duration: Millis
  readonly form: Form
}

type Form = 'sentence' | 'short' | 'export' | 'docker'

const DEFAULT_DURATION: Millis = 8 * 3_600_000

export const reserve: CommandSpec<ReserveOptions, Reserved> = {
  examples: [
    'canhazgpu reserve',
    'canhazgpu reserve --gpus 2 --duration 4h',
    'eval "$(canhazgpu reserve --export --wait)"',
  ],
  options: () => [
    ...acquiringOptions(),
    option('-d, --duration <time>', 'How long to reserve, such as 30m, 2h, 1d, 0.5h, 1h30m (default: 8h)', {
      read: parseDuration,
      default: DEFAULT_DURATION,
    }),
    option('--claim', 'Take over GPUs that only your own processes use already'),
    option('-s, --short', 'Print only the GPU ids, such as 1,3', {
      givesWay: givesWayTo('export', 'docker'),
    }),
    option('--export', 'Print the line to eval in a shell', { givesWay: givesWayTo('short', 'docker') }),
    option('--docker', "Print the option for 'docker run'", { givesWay: givesWayTo('short', 'export') }),
  ],
  handle: async (options, world) => {
    const form = formOf(options)
    if (form === 'docker') await refuseWithoutNvidia(world)
    const intent = await intentOf(options, world, { kind: 'manual', duration: options.duration })
    const grant =
      options.claim === true
        ? await claimableGpus(await world.deps(), intent, asksForCertain(options))
        : await acquireFor(options, intent, world)
    return { grant, duration: options.duration, form }
  },
  text: ({ grant, duration, form }, look) => {
    const units = unitsOf(grant.reservation)
    switch (form) {
      case 'sentence':
        return {
          stdout: `Reserved ${units.length} GPU(s): [${units.join(', ')}] for ${formatDuration(duration)}\n`,
          ...(look.terminal ? { stderr: `${exportLine(grant)}\n` } : {}),
        }
      case 'short':
        return { stdout: `${grant.devices.join(',')}\n` }
      case 'export':
        return { stdout: `${exportLine(grant)}\n` }
      case 'docker':
        return { stdout: `--gpus '"device=${grant.devices.join(',')}"'\n` }
    }
  },
  json: ({ grant }) => grantDocument(grant),
}

function exportLine({ provider, devices, reservation }: Grant): string {
  return shellExport(deviceVariables(provider, devices, reservation.id))
}

function formOf({ short, export: exported, docker }: ReserveOptions): Form {
  const forms: readonly (readonly [boolean | undefined, Form])[] = [
    [short, 'short'],
    [exported, 'export'],
    [docker, 'docker'],
  ]
  const [chosen, another] = forms.filter(([given]) => given === true)
  if (another !== undefined) {
    throw new CanhazgpuError('usage', 'Only one of --short, --export and --docker can be printed')
  }
  return chosen?.[1] ?? 'sentence'
}

async function refuseWithoutNvidia(world: World): Promise<void> {
  const { pool } = await (await world.deps()).store.read()
  if (pool.provider !== 'amd-smi') return
  throw new CanhazgpuError('usage', "--docker is for NVIDIA GPUs: 'docker run --gpus' knows no others", {
    hint: 'use --export, and hand the variables on',
  })
}

function asksForCertain({ gpus, gpuIds, wait }: ReserveOptions): boolean {
  if (wait !== undefined)
    throw new CanhazgpuError('usage', '--claim does not wait: the GPUs are yours or not')
  return gpus !== undefined || gpuIds !== undefined
}
