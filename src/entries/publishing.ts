import { readLink } from '../adapters/kernel/procfs.ts'
import { startDetached } from '../adapters/process/detach.ts'
import { selfCommandForShell } from '../adapters/process/self.ts'
import { takeTurn } from '../adapters/process/turn.ts'
import type { Persistence } from '../app/fleet/short-publisher.ts'
import type { BoardAddress } from '../domain/fleet/board-address.ts'
import { NOT_OF_THE_JOB } from '../domain/observation/device-variables.ts'
import { canReadUrl } from './board.ts'

/** What a process that publishes needs besides the environment. A supervisor gets it from its launcher. */
export interface Publishing {
  /** URL of the store. */
  readonly store: string
  /** Absolute path of `--config`; null without. */
  readonly config: string | null
}

/** Undefined if this process cannot read the URL of the board. Another account's next commit publishes then. */
export function publishingFor(
  address: BoardAddress,
  store: string,
  configFile: string | undefined,
): Publishing | undefined {
  if (!canReadUrl(address)) return undefined
  const config = configFile === undefined ? null : absolute(configFile)
  return { store, config }
}

const absolute = (path: string): string =>
  path.startsWith('/') ? path : `${readLink('/proc/self/cwd')}/${path}`

/**
 * Publishes the state of this host from a process of its own, so that neither a board that does not answer nor the
 * probe of the driver delays a command. A process that is started and has not read the pool yet will publish this
 * commit too, so there is at most one of those. One that publishes only once, for a sign of life, is another one: no
 * commit relies on it.
 */
export function publishLater({ store, config }: Publishing, persistence: Persistence = 'until-posted'): void {
  const turn = takeTurnFor(store, persistence)
  if (turn === null) return
  const words = ['__publish', store, String(turn), persistence, ...(config === null ? [] : [config])]
  const { command, file } = selfCommandForShell(words)
  try {
    startDetached(command, file === null ? [turn] : [turn, file], NOT_OF_THE_JOB)
  } catch {
    // The command itself has succeeded.
  }
}

/** Which process publishes next. */
export const takeTurnFor = (store: string, persistence: Persistence): number | null =>
  takeTurn(persistence === 'once' ? `publish once ${store}` : `publish ${store}`)

/** Returns what publishes a sign of life. Of all supervisors of a host, only one does it; another one follows it. */
export function signsOfLife(publishing: Publishing): () => void {
  let turn: number | null = null
  return () => {
    turn ??= takeTurn(`publish signs ${publishing.store}`)
    if (turn !== null) publishLater(publishing, 'once')
  }
}

/** Which process tries again for long. It keeps no other one from publishing. */
export const takeLongTurnFor = (store: string): number | null => takeTurn(`publish later ${store}`)
