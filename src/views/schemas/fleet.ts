import * as v from 'valibot'
import { ERROR_CODES } from '../../domain/errors.ts'
import { SNAPSHOT_VERSION } from '../../domain/fleet/snapshot.ts'
import { queuePlace } from './queue.ts'
import { gpu, summary } from './status.ts'
import { report } from './usage.ts'
import { amount, date, list, object, oneOf, optional, text, time, whole } from './values.ts'

const head = {
  version: v.literal(SNAPSHOT_VERSION),
  /** Without a later notice within this time the host is silent. Absent: it publishes only changes. */
  next_sign_seconds: optional(whole),
}

/** What a host publishes for other hosts, and answers over SSH: the state of its GPUs. */
export const statusPart = object({
  ...head,
  waiting: whole,
  /** As in `status --json`, without the processes. */
  gpus: list(gpu),
})

/** Its queue. */
export const queuePart = object({
  ...head,
  places: list(queuePlace),
  left_out: optional(v.pipe(whole, v.description('Number of omitted places; the last are omitted'))),
})

const user = { user: text, account: text, gpu_hours: amount, run: whole, manual: whole }

/** Its usage by day. */
export const usagePart = object({
  ...head,
  /** Only days with usage. */
  days: list(
    object({
      /** In UTC. */
      date,
      /** A reservation counts on the day on which it began. */
      users: list(object(user)),
    }),
  ),
})

const host = {
  host: text,
  /** From this host itself, from the notice board, or over SSH. */
  source: oneOf(['here', 'board', 'ssh']),
  /**
   * `silent`: it should have published since, so what it published may be wrong now. `unreachable`: it did not answer.
   * `unreadable`: it published nothing that this version understands.
   */
  state: oneOf(['current', 'silent', 'unreachable', 'unreadable']),
  /** The time since its last sign, and that time. Absent if it never gave one. */
  age_seconds: optional(whole),
  last_sign: optional(time),
  /** Why nothing is known about it, as text and code, and the next step. */
  reason: optional(text),
  reason_code: optional(oneOf(ERROR_CODES)),
  hint: optional(text),
  /** Only of this host: how old what others see of it is, absent if they see nothing, and why. */
  unpublished: optional(
    object({ age_seconds: optional(whole), reason: text, reason_code: oneOf(ERROR_CODES) }),
  ),
}

/** One host in `status --all --json` and `status --host NAME --json`. */
export const hostStatus = object({ ...host, waiting: optional(whole), gpus: optional(list(gpu)) })

/** `/api/hosts`. */
export const hosts = object({
  /** Whether hosts besides this one are configured. */
  configured: v.boolean(),
  hosts: list(hostStatus),
  /** The notice board did not answer: its hosts are missing, or as they were. */
  board: optional(object({ reason: text, reason_code: oneOf(ERROR_CODES) })),
})

/** `status --all --json`. */
export const statusOfHosts = list(hostStatus)

const { total, gpu_models, available, in_use, drained, errors } = summary.pipe[0].entries

/** `status --all --summary --json`. */
export const summaryOfHosts = list(
  object({
    ...host,
    waiting: optional(whole),
    counts: optional(object({ total, gpu_models, available, in_use, drained, errors })),
  }),
)

/** `queue --all --json`. */
export const queueOfHosts = list(
  object({ ...host, places: optional(list(queuePlace)), left_out: optional(whole) }),
)

/** `report --all --json`. */
export const reportOfHosts = object({
  ...report.pipe[0].entries,
  hosts: list(object({ ...host, gpu_hours: optional(amount) })),
})

export type StatusPart = v.InferOutput<typeof statusPart>
export type QueuePart = v.InferOutput<typeof queuePart>
export type UsagePart = v.InferOutput<typeof usagePart>
export type HostDocument = Omit<v.InferOutput<typeof hostStatus>, 'waiting' | 'gpus'>
export type HostStatusDocument = v.InferOutput<typeof hostStatus>
export type HostsDocument = v.InferOutput<typeof hosts>
export type SummaryOfHosts = v.InferOutput<typeof summaryOfHosts>
export type QueueOfHosts = v.InferOutput<typeof queueOfHosts>
export type ReportOfHosts = v.InferOutput<typeof reportOfHosts>
