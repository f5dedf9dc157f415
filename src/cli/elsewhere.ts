import type { Context } from './context.ts'
import { option } from './options/option.ts'

export const hostOption = option('--host <name>', 'Do it on another host, by SSH')

/** Whether another host performs the command. A host that performs it for a caller does it itself. */
export const isElsewhere = (host: string | undefined, { caller }: Context): host is string =>
  host !== undefined && caller === null
