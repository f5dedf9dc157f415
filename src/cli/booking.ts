import { CanhazgpuError } from '../domain/errors.ts'
import type { RequestedManual } from '../domain/operation/intent.ts'
import type { Booking } from '../domain/pool/model.ts'
import { parseWhen } from '../domain/text/when.ts'
import { unlessRefused } from '../views/words/refusals.ts'
import { type AcquiringOptions, intentOf } from './acquiring.ts'
import type { Context } from './context.ts'

export interface BookingOptions extends AcquiringOptions {
  readonly at: string
  readonly claim?: boolean
  readonly export?: boolean
  readonly docker?: boolean
}

/** Books the GPUs of a request for a later time. */
export async function book(
  options: BookingOptions,
  { duration, isDefault }: RequestedManual,
  context: Context,
): Promise<Booking> {
  refuseContradictions(options)
  const from = parseWhen(options.at, { now: context.now(), offsetAt: context.localZone })
  const term = { kind: 'booking', from, duration, ...(isDefault === undefined ? {} : { isDefault }) } as const
  const intent = await intentOf(options, context, term)
  return unlessRefused(await (await context.pool()).perform({ op: 'book', intent }))
}

function refuseContradictions({ wait, claim, export: exported, docker }: BookingOptions): void {
  const contradict = (flag: string, why: string) => {
    throw new CanhazgpuError('usage', `--at and ${flag} contradict each other: ${why}`)
  }
  if (wait !== undefined) contradict('--wait', 'a booking is accepted or refused at once')
  if (claim === true) contradict('--claim', 'a claim begins now')
  const late = 'the GPUs may change until the booking begins'
  if (exported === true) contradict('--export', late)
  if (docker === true) contradict('--docker', late)
}
