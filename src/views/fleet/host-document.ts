import type { HostAnswer, Unpublished } from '../../app/fleet/hosts.ts'
import { isSilent } from '../../domain/fleet/snapshot.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { timestamp } from '../documents/status-document.ts'
import type { HostDocument } from '../schemas/fleet.ts'

interface Repeated {
  readonly next_sign_seconds?: number
}

/** What is known about a host, without its part. */
export function hostDocument(answer: HostAnswer<Repeated>, now: Millis): HostDocument {
  const { name, source } = answer
  const head = { host: name, source }
  switch (answer.kind) {
    case 'known': {
      const state = isSilent(answer.age, answer.document.next_sign_seconds) ? 'silent' : 'current'
      const { unpublished } = answer
      return {
        ...{ ...head, state, ...lastSign(answer.age, now) },
        ...(unpublished === undefined ? {} : { unpublished: unpublishedDocument(unpublished) }),
      }
    }
    case 'unreadable':
      return { ...head, state: 'unreadable', ...lastSign(answer.age, now) }
    case 'unreachable': {
      const { message: reason, code: reason_code, hint } = answer.error
      const sign = answer.age === undefined || answer.age === 0 ? {} : lastSign(answer.age, now)
      return {
        ...{ ...head, state: 'unreachable', ...sign, reason, reason_code },
        ...(hint === undefined ? {} : { hint }),
      }
    }
  }
}

const unpublishedDocument = ({ age, failure }: Unpublished) => ({
  ...(age === undefined ? {} : { age_seconds: Math.floor(age / 1000) }),
  ...{ reason: failure.message, reason_code: failure.code },
})

const lastSign = (age: Millis, now: Millis) => ({
  age_seconds: Math.floor(age / 1000),
  last_sign: timestamp(now - age),
})
