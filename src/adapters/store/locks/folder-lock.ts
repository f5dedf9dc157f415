import { CanhazgpuError } from '../../../domain/errors.ts'
import { close, lockExclusive, O_RDONLY, open } from '../../kernel/libc/descriptors.ts'
import { EAGAIN } from '../../kernel/libc/errno.ts'
import { errorText } from '../../kernel/libc/library.ts'

const LONGEST_WAIT_MS = 30_000
const TRY_AGAIN_EVERY_MS = 20

/**
 * Locks the folder, so that no other administrator creates or replaces files of the pool. The kernel releases the lock
 * when this process exits.
 */
export async function withFolderLocked<Result>(
  folder: string,
  use: () => Result | Promise<Result>,
): Promise<Result> {
  const fd = open(folder, O_RDONLY)
  if (fd < 0) throw unlockable(folder, fd)
  try {
    const giveUpAt = Bun.nanoseconds() + LONGEST_WAIT_MS * 1e6
    for (let failure = lockExclusive(fd); failure < 0; failure = lockExclusive(fd)) {
      if (failure !== -EAGAIN) throw unlockable(folder, failure)
      if (Bun.nanoseconds() > giveUpAt) throw locked(folder)
      await Bun.sleep(TRY_AGAIN_EVERY_MS)
    }
    return await use()
  } finally {
    close(fd)
  }
}

function unlockable(folder: string, failure: number): CanhazgpuError {
  return new CanhazgpuError(
    'store-unavailable',
    `The folder ${folder} cannot be locked: ${errorText(-failure)}`,
  )
}

function locked(folder: string): CanhazgpuError {
  return new CanhazgpuError('store-busy', `The folder ${folder} stayed locked by another process`, {
    hint: `find it with 'sudo fuser -v ${folder}' and try again`,
  })
}
