import {
  closeConnection,
  descriptorLimit,
  lowestFreeDescriptor,
  openConnections,
} from '../adapters/kernel/connections.ts'
import { MemoryPlace } from '../adapters/memory/memory-place.ts'
import { MemoryStore } from '../adapters/memory/memory-store.ts'
import { askUsageChild } from '../adapters/process/usage-child.ts'
import type { ConfigFile } from '../adapters/settings/config-file.ts'
import type { Dashboard } from '../cli/context.ts'
import type { PoolService } from '../ports/pool-service.ts'
import { type Opening, openReopeningPool } from './open-pool.ts'

/** The parts of this machine that `web` uses. */
export function dashboard(
  opening: Opening,
  files: readonly ConfigFile[],
  daemon: PoolService | null,
): Dashboard {
  return {
    pool: async () => daemon ?? openReopeningPool(opening),
    askUsage: async (question) => {
      if (daemon === null) return askUsageChild(opening.settings.store, question)
      const { usageAnswer } = await import('../views/documents/usage-answer.ts')
      return JSON.stringify(await usageAnswer(daemon, question))
    },
    connections: {
      limit: descriptorLimit,
      lowestFree: lowestFreeDescriptor,
      open: openConnections,
      close: closeConnection,
    },
    emptyStore: (now) => new MemoryStore(new MemoryPlace(), now),
    exposedPasswords: async () => {
      const { exposedPasswords } = await import('../adapters/settings/config-file.ts')
      return exposedPasswords(files)
    },
  }
}
