import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { CanhazgpuError } from '../../../domain/errors.ts'
import { effectiveUid } from '../../kernel/libc/rights.ts'
import { isClosed } from './pool-files.ts'

/**
 * Creates the folder of a daemon's pool, or checks that only its owner may use the existing one. Throws
 * `permission-denied`.
 */
export function ensureClosedFolder(path: string): void {
  const folder = dirname(path)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const stats = statSync(folder)
  if (stats.uid !== effectiveUid()) {
    throw new CanhazgpuError(
      'permission-denied',
      `The folder ${folder} belongs to another account (uid ${stats.uid})`,
      {
        hint: 'the daemon needs a folder of its own account: name another with --pool',
      },
    )
  }
  if (isClosed(stats)) return
  throw new CanhazgpuError('permission-denied', `The folder ${folder} is open to other users`, {
    hint: "'canhazgpu service install' moves a shared pool into the daemon; for a new pool name another folder with --pool",
  })
}
