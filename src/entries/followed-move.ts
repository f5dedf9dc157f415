import { connectToDaemon } from '../adapters/daemon/connect.ts'
import { currentMoment } from '../adapters/kernel/clock.ts'
import { openStore } from '../adapters/store/open.ts'
import type { FollowedMove } from '../cli/context.ts'
import type { Millis } from '../domain/pool/model.ts'
import { socketPathIn } from '../domain/settings.ts'
import { executeAgain } from './start-again.ts'

const CHECK_EVERY_MS: Millis = 2_000

/**
 * For a process that runs until it is stopped: follows the pool into a daemon or out of it. `currentStore` reads the
 * configuration; `store` is what it named when this process started.
 */
export function followMove(store: string, currentStore: () => Promise<string | undefined>): FollowedMove {
  const { promise, resolve } = Promise.withResolvers<void>()
  const check = async () => {
    const current = await currentStore()
    // While it is moved, no pool can be opened.
    if (current !== undefined && current !== store && (await canBeOpened(current))) resolve()
    else timer = setTimeout(check, CHECK_EVERY_MS)
  }
  let timer = setTimeout(check, CHECK_EVERY_MS)
  return {
    hasMoved: promise,
    stop: () => clearTimeout(timer),
    startAgain: () => executeAgain(process.argv.slice(2)),
  }
}

async function canBeOpened(store: string): Promise<boolean> {
  const socket = socketPathIn(store)
  try {
    const opened =
      socket === undefined
        ? await openStore(store, currentMoment, { upgrades: false })
        : await connectToDaemon(socket)
    opened.close()
    return true
  } catch {
    return false
  }
}
