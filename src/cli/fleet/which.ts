import { CanhazgpuError } from '../../domain/errors.ts'
import { hostName } from '../options/kinds.ts'
import { option } from '../options/option.ts'
import type { Which } from './shown.ts'

export const allHosts = option('--all', 'All hosts of the configuration and of the notice board', {
  onlyTyped: true,
})

export const oneHost = option('--host <name>', 'Another host', {
  onlyTyped: true,
  kind: hostName((_, { shownHosts }) => shownHosts()),
})

interface Typed {
  readonly all?: boolean | undefined
  readonly host?: string | undefined
}

/** Null: this host alone, which needs nothing of the others. */
export function whichHosts({ all, host }: Typed): Which | null {
  if (all === true && host !== undefined) {
    throw new CanhazgpuError('usage', '--all and --host contradict each other')
  }
  if (host !== undefined) return { kind: 'one', host }
  return all === true ? { kind: 'all' } : null
}
