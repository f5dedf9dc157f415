import type { Millis } from '../pool/model.ts'
import type { FailedCall } from './call-end.ts'

/** How far the host has come with a request. */
export type CallStage =
  /** `ssh` has started. */
  | { readonly kind: 'connecting'; readonly since: Millis }
  /** The host has the request, and nothing of its command has arrived. */
  | { readonly kind: 'asked'; readonly since: Millis }
  /** The command has printed something, such as its place in the queue. */
  | { readonly kind: 'waiting' }
  /** It has its GPUs. */
  | { readonly kind: 'started' }

export interface CallState {
  readonly stage: CallStage
  readonly now: Millis
  /** When the last bytes of the host arrived. */
  readonly heardAt: Millis
  /** Pings since then. A caller that was suspended has sent none meanwhile, so the host has missed none. */
  readonly unanswered: number
  /** How long the command may take until it prints something or has its GPUs. */
  readonly answerWithin: Millis
}

export const PING_MS: Millis = 5_000
/** The host gives up the request of a caller that is silent for so long; so the caller gives it up too. */
export const SILENCE_MS: Millis = 20_000
/** From the start of `ssh` to the greeting. */
export const GREETING_MS: Millis = 25_000
/** The pool's lock and the driver have shorter deadlines. */
export const ANSWER_MS: Millis = 120_000
/** Pings without an answer while the command runs: 15 minutes, after which TCP gives up too. */
const MOST_UNANSWERED = 180

/** Whether to wait for the host no longer: then the end of the call, else undefined. */
export function endOfPatience(state: CallState): FailedCall | undefined {
  const { stage, now, unanswered, answerWithin } = state
  switch (stage.kind) {
    case 'connecting':
      return now - stage.since > GREETING_MS ? noAnswer(`within ${GREETING_MS / 1000} s`) : undefined
    case 'asked':
      if (now - stage.since > answerWithin) return noAnswer(`to the request within ${answerWithin / 1000} s`)
      return isSilent(state) ? noAnswer(`for ${SILENCE_MS / 1000} s`) : undefined
    case 'waiting':
      return isSilent(state) ? noAnswer(`for ${SILENCE_MS / 1000} s`) : undefined
    case 'started':
      return unanswered > MOST_UNANSWERED ? { kind: 'lost' } : undefined
  }
}

/** Whether keys and signals may no longer reach the host. */
export const isSilent = ({ now, heardAt }: Pick<CallState, 'now' | 'heardAt'>): boolean =>
  now - heardAt > SILENCE_MS

const noAnswer = (how: string): FailedCall => ({ kind: 'unreachable', reason: `no answer ${how}` })
