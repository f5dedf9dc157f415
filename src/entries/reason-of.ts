import { CanhazgpuError } from '../domain/errors.ts'

/** What a finding says about an error of this program; others are thrown again. */
export function reasonOf(error: unknown): { readonly reason: string; readonly hint?: string } {
  if (!(error instanceof CanhazgpuError)) throw error
  const { message, hint } = error
  return { reason: message, ...(hint === undefined ? {} : { hint }) }
}
