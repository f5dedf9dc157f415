import { CanhazgpuError } from '../../domain/errors.ts'
import { ANY_HOST } from '../../domain/fleet/host-name.ts'
import { deviceVariables, shellExport } from '../../domain/observation/device-variables.ts'
import type { Grant, Intent, RequestedManual } from '../../domain/operation/intent.ts'
import type { Booking, Millis } from '../../domain/pool/model.ts'
import { unitsOf } from '../../domain/pool/units.ts'
import { DEFAULT_RESERVATION } from '../../domain/schedule/demand.ts'
import { formatDuration } from '../../domain/text/duration.ts'
import { bookingDocument } from '../../views/documents/booking-document.ts'
import { grantDocument } from '../../views/documents/grant-document.ts'
import { bookedWords } from '../../views/words/booking-answers.ts'
import type { Display, Printed } from '../../views/words/printed.ts'
import { unlessRefused } from '../../views/words/refusals.ts'
import { acquireFor, acquiringOptions, intentOf } from '../acquiring.ts'
import { book } from '../booking.ts'
import { command } from '../command.ts'
import type { Given } from '../command-spec.ts'
import type { Context } from '../context.ts'
import { anyHostOption, needsOneHost, unlessElsewhere } from '../elsewhere.ts'
import { duration, when } from '../options/kinds.ts'
import { option, overriddenByAnyOf } from '../options/option.ts'

type Reserved =
  | { readonly kind: 'granted'; readonly grant: Grant; readonly form: Form }
  | { readonly kind: 'booked'; readonly booking: Booking; readonly form: Form }

type Form = 'sentence' | 'short' | 'export' | 'docker'

const options = [
  ...acquiringOptions,
  option('-d, --duration <time>', 'How long to reserve, such as 30m, 2h, 1d, 0.5h, 1h30m (default: 8h)', {
    kind: duration,
  }),
  option('--at <time>', "Book for later, such as 'tomorrow 9:00', 'fri 2pm' or 'in 2h'", {
    kind: when,
    onlyTyped: true,
  }),
  option('--claim', 'Reserve GPUs that only your own processes already use', { onlyTyped: true }),
  option('-s, --short', 'Print only the GPU ids, such as 1,3, or the id of the booking', {
    isOverridden: overriddenByAnyOf('export', 'docker'),
  }),
  option('--export', 'Print the line to eval in a shell', {
    isOverridden: overriddenByAnyOf('short', 'docker', 'at'),
  }),
  option('--docker', "Print the option for 'docker run'", {
    isOverridden: overriddenByAnyOf('short', 'export', 'at'),
  }),
  anyHostOption,
]

type ReserveOptions = Given<typeof options>

export const reserve = command({
  examples: [
    'canhazgpu reserve',
    'canhazgpu reserve --gpus 2 --duration 4h',
    "canhazgpu reserve --gpus 2 --at 'tomorrow 9:00' --duration 4h",
    'eval "$(canhazgpu reserve --export --wait)"',
  ],
  options,
  handle: async (given, context): Promise<Reserved> => {
    refuseOnAnyHost(given, context)
    const orElsewhere = await unlessElsewhere('reserve', given, { context, options })
    if (given.wait !== undefined) context.keepInherited()
    const form = formOf(given)
    const { at } = given
    if (at !== undefined) {
      return { kind: 'booked', booking: await book({ ...given, at }, termOf(given), context), form }
    }
    if (form === 'docker') await refuseWithoutNvidia(context)
    const intent = await intentOf(given, context, termOf(given))
    const grant =
      given.claim === true
        ? await claim(intent, requiresAll(given), context)
        : await acquireFor(given, intent, context).catch(orElsewhere)
    return { kind: 'granted', grant, form }
  },
  text: (reserved, display) =>
    reserved.kind === 'granted' ? grantText(reserved, display) : bookingText(reserved),
  json: (reserved) =>
    reserved.kind === 'granted' ? grantDocument(reserved.grant) : bookingDocument(reserved.booking),
})

function grantText({ grant, form }: Extract<Reserved, { kind: 'granted' }>, display: Display): Printed {
  const units = unitsOf(grant.reservation)
  switch (form) {
    case 'sentence':
      return {
        stdout: `Reserved ${units.length} GPU(s): [${units.join(', ')}] for ${formatDuration(durationOf(grant))}\n`,
        ...(display.terminal ? { stderr: `${exportLine(grant)}\n` } : {}),
      }
    case 'short':
      return { stdout: `${grant.devices.join(',')}\n` }
    case 'export':
      return { stdout: `${exportLine(grant)}\n` }
    case 'docker':
      return { stdout: `--gpus '"device=${grant.devices.join(',')}"'\n` }
  }
}

const bookingText = ({ booking, form }: Extract<Reserved, { kind: 'booked' }>): Printed => ({
  stdout: form === 'short' ? `${booking.id}\n` : bookedWords(booking),
})

const termOf = ({ duration }: ReserveOptions): RequestedManual =>
  duration === undefined
    ? { kind: 'manual', duration: DEFAULT_RESERVATION, isDefault: true }
    : { kind: 'manual', duration }

const durationOf = ({ reservation: { startedAt, term } }: Grant): Millis =>
  term.kind === 'manual' ? term.expiresAt - startedAt : 0

async function claim(intent: Intent, exact: boolean, context: Context): Promise<Grant> {
  return unlessRefused(await (await context.pool()).perform({ op: 'claim', intent, exact }))
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

/** A booking or a claim is about the GPUs of one host, and being asked for a forecast must not perform it. */
function refuseOnAnyHost({ host, at, claim }: ReserveOptions, { caller }: Context): void {
  const isAny = caller === null ? host === ANY_HOST : caller.wantsForecast
  if (!isAny || (at === undefined && claim !== true)) return
  const flag = at === undefined ? '--claim' : '--at'
  throw needsOneHost(flag)
}

async function refuseWithoutNvidia(context: Context): Promise<void> {
  const { pool } = await (await context.pool()).view('stored')
  if (pool.provider !== 'amd-smi') return
  throw new CanhazgpuError('usage', "--docker is for NVIDIA GPUs: 'docker run --gpus' supports no others", {
    hint: 'use --export and pass the variables to the container',
  })
}

function requiresAll({ gpus, gpuIds, wait }: ReserveOptions): boolean {
  if (wait !== undefined)
    throw new CanhazgpuError('usage', '--claim does not wait, so --wait has no effect with it')
  return gpus !== undefined || gpuIds !== undefined
}
