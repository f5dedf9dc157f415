import type { CanhazgpuError } from '../../domain/errors.ts'
import type { FailedCall } from '../../domain/fleet/call-end.ts'
import type { HostForecast } from '../../domain/fleet/forecast.ts'
import type { RemoteHost } from '../../domain/fleet/host-name.ts'
import { amount } from '../fleet/checked.ts'
import { callFailure } from './host-failures.ts'

interface Answered {
  readonly kind: 'answered'
  readonly status: number
  readonly output: string
  /** With `--json`: its last line is the error. */
  readonly errorOutput: string
}

/** Reads the answer to a request for a forecast. */
export function hostForecast(answer: Answered | FailedCall, host: RemoteHost): HostForecast {
  if (answer.kind !== 'answered') return { kind: 'failed', error: callFailure(answer, host) }
  const forecast = answer.status === 0 ? forecastIn(recordIn(answer.output)) : undefined
  if (forecast !== undefined) return forecast
  return { kind: 'failed', error: failureIn(answer, host) }
}

/** The error that a command with `--json` printed on the host. */
export function failureIn({ errorOutput }: Pick<Answered, 'errorOutput'>, host: RemoteHost): CanhazgpuError {
  const { error } = recordIn(errorOutput.trimEnd().split('\n').at(-1) ?? '')
  const failure = typeof error === 'object' && error !== null ? { ...error } : {}
  return callFailure({ kind: 'failed', failure }, host)
}

function forecastIn({ kind, after }: Readonly<Record<string, unknown>>): HostForecast | undefined {
  if (kind === 'now') return { kind }
  if (kind !== 'later') return undefined
  const known = amount(after)
  return known === undefined ? { kind } : { kind, after: known }
}

function recordIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}
