import type { HostAnswer, Hosts, HostsAnswer } from '../app/fleet/hosts.ts'
import { notUnderstood } from '../domain/fleet/fleet-errors.ts'
import type { Millis } from '../domain/pool/model.ts'
import { hostDocument } from '../views/fleet/host-document.ts'
import type { Parts } from '../views/fleet/own-part.ts'
import type { HostsDocument } from '../views/schemas/fleet.ts'
import type { QueueDocument } from '../views/schemas/queue.ts'
import type { StatusDocument } from '../views/schemas/status.ts'
import { HttpError } from './errors.ts'

export interface HostAnswersParts {
  /** Opened when somebody first asks. Null: there are none. */
  readonly hosts: (() => Promise<Hosts<Parts>>) | null
  readonly now: () => Millis
  /** Steady time. */
  readonly clock: () => Millis
}

/** Hosts may be asked over SSH, so everybody shares an answer for this time. */
const SHARED_MS: Millis = 5_000

/** What is known about this host and the other ones. */
export class HostAnswers {
  readonly #now: () => Millis
  readonly #status: () => Promise<Answer<'status'>>
  readonly #queue: () => Promise<Answer<'queue'>>

  constructor({ hosts, now, clock }: HostAnswersParts) {
    this.#now = now
    this.#status = shared(clock, async () => answerOf(await hosts?.(), 'status'))
    this.#queue = shared(clock, async () => answerOf(await hosts?.(), 'queue'))
  }

  async all(): Promise<HostsDocument> {
    const { hosts, boardFailure, areConfigured } = await this.#status()
    const now = this.#now()
    return {
      configured: areConfigured,
      hosts: hosts.map((answer) => ({ ...hostDocument(answer, now), ...statusIn(answer) })),
      ...(boardFailure === undefined
        ? {}
        : { board: { reason: boardFailure.message, reason_code: boardFailure.code } }),
    }
  }

  /** Rejects with an `HttpError` for an unknown host, and with a `CanhazgpuError` if nothing is known about it. */
  async status(name: string): Promise<readonly StatusDocument[]> {
    return documentOf(await this.#status(), name).gpus
  }

  /** Rejects as `status`. */
  async queue(name: string): Promise<readonly QueueDocument[]> {
    return documentOf(await this.#queue(), name).places
  }
}

type Answer<Part extends keyof Parts> = HostsAnswer<Parts[Part]> & { readonly areConfigured: boolean }

async function answerOf<Part extends keyof Parts>(
  hosts: Hosts<Parts> | undefined,
  part: Part,
): Promise<Answer<Part>> {
  if (hosts === undefined) return { hosts: [], areConfigured: false }
  return { ...(await hosts.all(part)), areConfigured: hosts.areConfigured }
}

function documentOf<Document>({ hosts, boardFailure }: HostsAnswer<Document>, name: string): Document {
  const found = hosts.find((host) => host.name === name)
  if (found === undefined) {
    // The host may be on the board.
    if (boardFailure !== undefined) throw boardFailure
    throw new HttpError('not-found', 'No host has this name', { hint: '/api/hosts has the names' })
  }
  if (found.kind === 'known') return found.document
  if (found.kind === 'unreachable') throw found.error
  throw notUnderstood(found.name)
}

const statusIn = (answer: HostAnswer<Parts['status']>) =>
  answer.kind === 'known' ? { waiting: answer.document.waiting, gpus: answer.document.gpus } : {}

/** Asks at most once in `SHARED_MS`. A failure is not kept. */
function shared<Value>(clock: () => Millis, ask: () => Promise<Value>): () => Promise<Value> {
  let last: { readonly until: Millis; readonly value: Promise<Value> } | undefined
  return () => {
    const now = clock()
    if (last !== undefined && now < last.until) return last.value
    const value = ask()
    last = { until: now + SHARED_MS, value }
    value.catch(() => {
      last = undefined
    })
    return value
  }
}
