import type { LimitKey, Scope } from '../../domain/pool/model.ts'
import { printable } from '../../domain/text/text.ts'

/** `max-gpus of group students`. Without a scope: the default. */
export function limitSource(key: LimitKey, scope: Scope | undefined): string {
  if (scope === undefined) return `the default of ${key}`
  return scope.kind === 'pool' ? `${key} of this pool` : `${key} of ${scope.kind} ${printable(scope.name)}`
}
