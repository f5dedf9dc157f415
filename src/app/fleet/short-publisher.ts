import type { Millis } from '../../domain/pool/model.ts'

/** Whether a process tries again while the board is out. A sign of life is repeated anyway. */
export type Persistence = 'until-posted' | 'once'

export interface ShortPublisher {
  readonly persistence: Persistence
  /** Reads this host and publishes it; false if that fails. */
  readonly post: () => Promise<boolean>
  readonly boardAnswers: () => Promise<boolean>
  readonly pause: (ms: Millis) => Promise<void>
  readonly turn: PublishingTurn
}

/** Which process of a host publishes next. The starter of the process has taken it for the process. */
export interface PublishingTurn {
  readonly give: () => void
  /** False if another process has it. */
  readonly take: () => boolean
  /** The other turn: to try again for long, which keeps no process from publishing. */
  readonly takeLong: () => boolean
}

/**
 * The pauses before the first attempts. Commits within the first are published together. Meanwhile no further commit
 * starts a process.
 */
const PAUSES: readonly Millis[] = [200, 5_000, 10_000, 10_000, 10_000, 10_000, 10_000]
/** If the board is out for longer, one process of the host tries again for an hour, beside those of further commits. */
const LATER_EVERY_MS: Millis = 10_000
const LATER_ATTEMPTS = 360

/** Publishes a host without a daemon, after a commit. Resolves to whether this process or another one does it. */
export async function publishShortly(publisher: ShortPublisher): Promise<boolean> {
  const { persistence, post, boardAnswers, pause, turn } = publisher
  for (const ms of PAUSES) {
    await pause(ms)
    // The next commit needs a process of its own, because this one may read the pool before it.
    turn.give()
    if (await post()) return true
    if (persistence === 'once') return false
    if (!turn.take()) return true
  }
  turn.give()
  if (!turn.takeLong()) return false
  for (let attempt = 0; attempt < LATER_ATTEMPTS; attempt++) {
    await pause(LATER_EVERY_MS)
    // Reading the pool asks the driver, which is only worth it if somebody listens.
    if ((await boardAnswers()) && (await post())) return true
  }
  return false
}
