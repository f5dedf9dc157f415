import { CanhazgpuError } from '../../../domain/errors.ts'
import { foreignStep, isRoot } from '../../files/ownership.ts'

/** Root creates and writes files at the pool's path, so no other user may control where it leads. */
export function refuseForeignPath(path: string): void {
  if (!isRoot()) return
  const step = foreignStep(path)
  if (step === null) return
  const whose =
    step.what === 'open folder'
      ? `the folder ${step.path}, where every user can rename files`
      : `the ${step.what} ${step.path} of another user (uid ${step.uid})`
  throw new CanhazgpuError(
    'permission-denied',
    `Root does not use the pool ${path}: ${whose}, is on its path`,
    {
      hint: 'name another place with --store, or give that part of the path to root',
    },
  )
}
