import { accountIds } from '../adapters/accounts/users.ts'
import { hostname } from '../adapters/kernel/procfs.ts'
import { readOriginalPool } from '../adapters/original/read-original.ts'
import type { OriginalToTakeOver } from '../cli/context.ts'
import { namesIn, takeOver } from '../domain/original/take-over.ts'
import type { OnPart } from '../ports/progress.ts'

/** Reads the pool of an original canhazgpu from Redis, for a new pool on this machine. */
export async function readOriginal(redis: URL, onPart: OnPart): Promise<OriginalToTakeOver> {
  const original = await readOriginalPool(redis, onPart)
  const uids = await accountIds(namesIn(original))
  const { provider, gpus } = original
  return {
    ...{ provider, gpuCount: gpus.length },
    takeOver: takeOver(original, {
      ...{ host: hostname(), now: Date.now(), uidOf: (name) => uids.get(name) },
      idOf: (text) => new Bun.CryptoHasher('sha256').update(text).digest('hex').slice(0, 12),
    }),
  }
}
