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
import { type Opening, openReopeningPool } from './open-pool.ts'

/** The parts of this machine that `web` uses. */
export function dashboard(opening: Opening, files: readonly ConfigFile[]): Dashboard {
  return {
    pool: () => openReopeningPool(opening),
    askUsage: (question) => askUsageChild(opening.settings.store, question),
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
