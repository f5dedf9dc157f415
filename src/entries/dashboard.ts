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
import { socketPathIn } from '../domain/settings.ts'
import type { PoolAccess } from './pool-access.ts'

/** The parts of this machine that `web` uses. */
export function dashboard(access: PoolAccess, files: readonly ConfigFile[], store: string): Dashboard {
  return {
    pool: access.longRunningPool,
    askUsage: async (question) => {
      if (socketPathIn(store) === undefined) return askUsageChild(store, question)
      const { usageAnswer } = await import('../views/documents/usage-answer.ts')
      return JSON.stringify(await usageAnswer(await access.pool(), question))
    },
    groupsOf: async (accounts) => {
      const { groupsOfAccounts } = await import('../adapters/accounts/account-groups.ts')
      return groupsOfAccounts(accounts.map(({ uid }) => uid))
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
