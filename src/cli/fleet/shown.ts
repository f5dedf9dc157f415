import type { CanhazgpuError } from '../../domain/errors.ts'
import type { Display, Printed } from '../../views/words/printed.ts'

/** What a command says about several hosts, in both forms. */
export interface OfHosts {
  readonly text: (display: Display) => Printed
  readonly json: () => unknown
  /** A failure that is printed after the result. */
  readonly failure?: CanhazgpuError | undefined
}

/** Which hosts a command is about. */
export type Which = { readonly kind: 'all' } | { readonly kind: 'one'; readonly host: string }
