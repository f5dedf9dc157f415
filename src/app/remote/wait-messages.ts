import type { Millis } from '../../domain/pool/model.ts'
import type { Link } from './link.ts'
import { RESTART_MS, sleep } from './outage.ts'
import type { Answer, Request } from './protocol.ts'

/** How long an interrupted waiter waits until its queue entry is removed. */
const LEAVE_WITHIN_MS: Millis = 1_000

export type WaitRequest = Extract<Request, { readonly ask: 'wait' }>

interface Waiting {
  /** See `Link.request`. */
  readonly isPatient: boolean
  readonly signal: AbortSignal
  /** Called if no message comes for as long as a restart takes. */
  readonly onSilence: () => void
}

/**
 * The messages for one wait, until the connection closes; none without a connection. Leaves the queue and throws if it
 * is aborted.
 */
export async function* messagesOfWait(
  link: Link | null,
  request: WaitRequest,
  { isPatient, signal, onSilence }: Waiting,
): AsyncIterable<Answer> {
  signal.throwIfAborted()
  if (link === null) return
  const messages = link.request(request, isPatient)
  const silence = setTimeout(onSilence, RESTART_MS)
  let leaving: Promise<void> | undefined
  const abort = () => {
    leaving = leave(link, request.intent.id)
  }
  signal.addEventListener('abort', abort)
  try {
    for (;;) {
      const message = await messages.next()
      clearTimeout(silence)
      if (signal.aborted) break
      if (message === null) return
      yield message
    }
    await leaving
    signal.throwIfAborted()
  } finally {
    clearTimeout(silence)
    signal.removeEventListener('abort', abort)
  }
}

/** Leaves the queue. A slow daemon does it when the connection closes. */
async function leave(link: Link, id: string): Promise<void> {
  await Promise.race([link.request({ ask: 'leave', id }).next(), sleep(LEAVE_WITHIN_MS)])
  link.close()
}

/** The answer, however long it takes. Null if the connection closes, or as soon as it is aborted. */
export async function patientAnswer(
  link: Link,
  request: Request,
  { signal, onSilence }: Omit<Waiting, 'isPatient'>,
): Promise<Answer | null> {
  const messages = link.request(request, true)
  const silence = setTimeout(onSilence, RESTART_MS)
  const abort = () => messages.end()
  signal.addEventListener('abort', abort)
  try {
    return await messages.next()
  } finally {
    clearTimeout(silence)
    signal.removeEventListener('abort', abort)
  }
}
