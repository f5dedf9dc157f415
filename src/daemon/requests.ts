import * as v from 'valibot'
import type { AdministrationAction, CallerSettings } from '../app/remote/protocol.ts'
import { DAYS_TOLD } from '../domain/fleet/snapshot.ts'
import { LEAST_KEPT } from '../domain/ledger/kept-history.ts'
import type { UsageQuestion } from '../domain/ledger/usage-question.ts'
import type { Intent } from '../domain/operation/intent.ts'
import type { NewPool, Operation } from '../domain/operation/operation.ts'
import { mayBeServed, mayReserve, type ServedCommand } from '../domain/operation/served-command.ts'
import { ALLOCATIONS, LIMIT_KEYS, type Millis, PROVIDER_CHOICES } from '../domain/pool/model.ts'
import { printable } from '../domain/text/text.ts'
import type { Views } from '../ports/pool-service.ts'
import { isDeep } from './nesting.ts'

/** Operations that a client may send. A client that waits uses `wait`, and the daemon itself settles and joins. */
export type ClientOperation = Operation<
  | 'acquire'
  | 'claim'
  | 'end'
  | 'release'
  | 'extend'
  | 'book'
  | 'cancel'
  | 'adopt-devices'
  | 'drain'
  | 'restore'
  | 'settle'
>

const ADMINISTRATIVE: readonly ClientOperation['op'][] = ['adopt-devices', 'drain', 'restore']

/** Whether only an administrator may send this operation. */
export const isAdministrative = ({ op }: ClientOperation): boolean => ADMINISTRATIVE.includes(op)

/** Whether the request may be granted GPUs, for now, longer or later. Such a request may also take long to decide. */
export const asksForGpus = (request: CheckedRequest): boolean =>
  request.ask === 'wait' ||
  (request.ask === 'perform' && ('intent' in request.operation || request.operation.op === 'extend')) ||
  (request.ask === 'command' && mayReserve(request.command))

/** A request with every field checked. */
export type CheckedRequest = { readonly n: number } & (
  | { readonly ask: 'perform'; readonly operation: ClientOperation; readonly caller: CallerSettings }
  | { readonly ask: 'view'; readonly view: keyof Views; readonly caller: CallerSettings }
  | { readonly ask: 'command'; readonly command: ServedCommand }
  | { readonly ask: 'usage'; readonly question: UsageQuestion }
  | {
      readonly ask: 'wait'
      readonly intent: Intent
      readonly waitFor?: Millis
      readonly caller: CallerSettings
    }
  | { readonly ask: 'leave' | 'keep'; readonly id: string }
  | { readonly ask: 'administer'; readonly action: AdministrationAction }
  | { readonly ask: 'watch' }
  | { readonly ask: 'unwatch'; readonly watch: number }
)

/** The requests of this kind. */
export type Asked<Ask extends CheckedRequest['ask']> = Extract<CheckedRequest, { readonly ask: Ask }>

const LONGEST_MILLIS: Millis = 1000 * 366 * 86_400_000
const LONGEST_TEXT = 256
const LONGEST_COMMAND = 4_096
const MOST_UNITS = 10_000
/** As many as the dashboard shows. */
const MOST_RECORDS = 20_000
/** As many as `policy --history` shows. */
const MOST_AUDITED = 1_000
/** As many as `report` accepts. */
const MOST_REPORTED_DAYS = 3_650
/** Each day of a longer answer would take time from the other accounts. */
const MOST_DAYS = 366

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const count = v.pipe(whole, v.minValue(1))
const millis = v.pipe(v.number(), v.minValue(-LONGEST_MILLIS), v.maxValue(LONGEST_MILLIS))
/** After a begin, its end is still a time of the stored document. */
const moment = v.pipe(millis, v.minValue(0))
const length = v.pipe(v.number(), v.minValue(1), v.maxValue(LONGEST_MILLIS))
const span = v.pipe(v.number(), v.minValue(0), v.maxValue(LONGEST_MILLIS))
/** Other users see these texts, so unprintable characters are escaped here too. */
const shown = v.pipe(
  v.string(),
  v.maxLength(LONGEST_TEXT),
  v.transform((text) => printable(text.toWellFormed())),
)
const id = v.pipe(v.string(), v.regex(/^[0-9a-zA-Z-]{1,64}$/))
const unitId = v.pipe(v.string(), v.regex(/^(0|[1-9]\d{0,3})(\.\d{1,2})?$/))
/** As the command line sends them. */
const gpuTypes = v.pipe(v.array(v.pipe(shown, v.regex(/^[a-z0-9]/))), v.minLength(1), v.maxLength(16))
const units = v.pipe(
  v.array(unitId),
  v.minLength(1),
  v.maxLength(MOST_UNITS),
  v.check((ids) => new Set(ids).size === ids.length),
)

/** The daemon replaces the account and the process with those that the kernel reports. */
const unchecked = {
  owner: v.object({ account: v.object({ uid: v.number(), name: shown }), shownName: shown }),
  process: v.object({
    pid: v.number(),
    startTime: v.number(),
    bootId: v.string(),
    pidNamespace: v.string(),
  }),
}

const requested = {
  id,
  request: v.variant('kind', [
    v.object({
      kind: v.literal('count'),
      count,
      gpuTypes: v.exactOptional(gpuTypes),
      leastMemoryMb: v.exactOptional(count),
    }),
    v.object({ kind: v.literal('ids'), ids: units }),
  ]),
  owner: unchecked.owner,
  note: v.exactOptional(shown),
}

const intent = v.object({
  ...requested,
  term: v.variant('kind', [
    v.object({
      kind: v.literal('run'),
      process: unchecked.process,
      command: v.pipe(
        v.string(),
        v.maxLength(LONGEST_COMMAND),
        v.transform((text) => text.toWellFormed()),
      ),
      timeout: v.exactOptional(v.object({ after: span, grace: span })),
      untilBooked: v.exactOptional(v.object({ grace: span })),
    }),
    v.object({ kind: v.literal('manual'), duration: span, isDefault: v.exactOptional(v.literal(true)) }),
  ]),
})

const bookingIntent = v.object({
  ...requested,
  term: v.object({
    kind: v.literal('booking'),
    from: moment,
    duration: length,
    isDefault: v.exactOptional(v.literal(true)),
  }),
})

/** A key without a check here would be dropped from the request. */
const policy = v.object({
  allocation: v.exactOptional(v.picklist(ALLOCATIONS)),
  memoryThresholdMb: v.exactOptional(count),
} satisfies Record<keyof NewPool['policy'], v.GenericSchema>)

const operation = v.variant('op', [
  v.object({ op: v.literal('acquire'), intent }),
  v.object({ op: v.literal('claim'), intent, exact: v.boolean() }),
  v.object({ op: v.literal('end'), id, outcome: v.literal('released') }),
  v.object({ op: v.literal('release'), units: v.exactOptional(units) }),
  v.object({ op: v.literal('extend'), by: span, units: v.exactOptional(units) }),
  v.object({ op: v.literal('book'), intent: bookingIntent }),
  v.object({ op: v.literal('cancel'), id }),
  v.object({ op: v.literal('adopt-devices') }),
  v.object({ op: v.literal('drain'), units, reason: v.exactOptional(shown) }),
  v.object({ op: v.literal('restore'), units, reason: v.exactOptional(shown) }),
  v.object({ op: v.literal('settle') }),
])

const change = v.variant('key', [
  v.object({ key: v.literal('allocation'), value: v.nullable(v.picklist(ALLOCATIONS)) }),
  v.object({ key: v.literal('memory-threshold'), value: v.nullable(count) }),
  v.object({ key: v.literal('keep-history'), value: v.nullable(v.pipe(span, v.minValue(LEAST_KEPT))) }),
  v.object({
    key: v.picklist(LIMIT_KEYS),
    scope: v.variant('kind', [
      v.object({ kind: v.literal('pool') }),
      v.object({ kind: v.picklist(['account', 'group']), name: shown }),
    ]),
    value: v.nullable(span),
  }),
])

const question = v.variant('kind', [
  v.object({ kind: v.literal('report'), days: v.pipe(count, v.maxValue(MOST_REPORTED_DAYS)) }),
  v.object({ kind: v.literal('daily'), days: v.pipe(count, v.maxValue(MOST_DAYS)) }),
  v.object({ kind: v.literal('totals'), days: v.pipe(count, v.maxValue(DAYS_TOLD)) }),
  v.object({
    kind: v.literal('history'),
    range: v.object({ from: millis, to: millis }),
    most: v.pipe(count, v.maxValue(MOST_RECORDS)),
  }),
  v.object({ kind: v.literal('audit'), most: v.pipe(count, v.maxValue(MOST_AUDITED)) }),
])

const action = v.variant('name', [
  v.object({
    name: v.literal('set-up'),
    wanted: v.object({
      gpuCount: v.pipe(count, v.maxValue(MOST_UNITS)),
      force: v.boolean(),
      policy,
      provider: v.exactOptional(v.picklist(PROVIDER_CHOICES)),
      group: v.exactOptional(shown),
    }),
  }),
  v.object({ name: v.literal('check') }),
  v.object({ name: v.literal('settings') }),
  v.object({ name: v.literal('set-policy'), change, reason: v.exactOptional(shown) }),
])

const display = v.object({ terminal: v.boolean(), color: v.boolean(), columns: v.nullable(count) })

const command = v.object({
  words: v.pipe(
    v.array(v.string()),
    v.check((words) => mayBeServed(words)),
  ),
  version: v.string(),
  id,
  timeZone: v.string(),
  machineConfiguration: v.nullable(v.string()),
  machineStore: v.nullable(v.string()),
  stdout: display,
  stderr: display,
})

const n = whole
const caller = v.object({ threshold: v.nullable(count), probeTimeout: span })

const request = v.variant('ask', [
  v.object({ n, ask: v.literal('perform'), operation, caller }),
  v.object({
    n,
    ask: v.literal('view'),
    view: v.picklist(['stored', 'settled', 'observed', 'status', 'queue', 'policy', 'account', 'turns']),
    caller,
  }),
  v.object({ n, ask: v.literal('command'), command }),
  v.object({ n, ask: v.literal('usage'), question }),
  v.object({ n, ask: v.literal('wait'), intent, waitFor: v.exactOptional(span), caller }),
  v.object({ n, ask: v.picklist(['leave', 'keep']), id }),
  v.object({ n, ask: v.literal('administer'), action }),
  v.object({ n, ask: v.literal('watch') }),
  v.object({ n, ask: v.literal('unwatch'), watch: n }),
])

const greeting = v.object({ protocol: whole })

/** The protocol version of a client's first message; null if it is not one. */
export function protocolIn(message: string): number | null {
  const read = v.safeParse(greeting, parsed(message))
  return read.success ? read.output.protocol : null
}

/** Null for a message that no client of this version sends. */
export function requestIn(message: string): CheckedRequest | null {
  if (isDeep(message)) return null
  const read = v.safeParse(request, parsed(message))
  return read.success ? read.output : null
}

function parsed(message: string): unknown {
  try {
    return JSON.parse(message)
  } catch {
    return null
  }
}
