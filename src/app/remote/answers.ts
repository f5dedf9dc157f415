import { CanhazgpuError, type ErrorCode } from '../../domain/errors.ts'
import type { Reason } from '../../domain/operation/refusal.ts'
import type { Answer, SentError } from './protocol.ts'

/** The content of an answer. Throws the error in it. */
export function answerOf(message: Answer): unknown {
  if ('error' in message) throw received(message.error)
  return 'answer' in message ? message.answer : undefined
}

function received({ code, message, hint, reason }: SentError): CanhazgpuError {
  return new CanhazgpuError(code as ErrorCode, message, {
    ...(hint === undefined ? {} : { hint }),
    ...(reason === undefined ? {} : { reason: reason as Reason }),
  })
}

/** Restores the error in a field of an answer. */
export function withError(value: unknown, field: string): unknown {
  const sent = (value as Readonly<Record<string, SentError | undefined>>)[field]
  return sent === undefined ? value : { ...(value as object), [field]: received(sent) }
}
