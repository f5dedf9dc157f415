import { kill, supervisorsOf } from '../test/support/processes.ts'
import { askOf, looking, playerOf, releasing } from './asks.ts'
import { stamp } from './clock.ts'
import { befall } from './fates.ts'
import { type Ask, type Log, openLog, places } from './log.ts'
import { Performance } from './performance.ts'
import { type Action, Script } from './script.ts'
import type { Stage } from './stage.ts'
import { writerOf } from './transactions.ts'

/** More at once would only wait for the processors. */
const MOST_AT_ONCE = 40
/** Where so long no `run` or `reserve` ends, those who are left count as stuck: far longer than anything takes. */
const PATIENCE_MS = 60_000
/** Where so long there is no room for more, everybody gives back what they hold by hand. */
const RELEASE_AFTER_MS = 500
const LOOK_EVERY_MS = 5
/** A guess for the first commands only. */
const USUAL_AT_FIRST_MS = 20

export interface PlayOptions {
  readonly seed: number
  readonly gpus: number
  readonly seconds: number
  /** Asked before every action. */
  readonly isStopped: () => boolean
}

/** Plays until the time is over, lets everything come to its end unless it was stopped, and leaves all in the logs. */
export async function play(stage: Stage, options: PlayOptions): Promise<void> {
  const log = openLog(places(stage.pool.folder).log)
  try {
    await new Play(stage, log).play(options)
  } finally {
    log.close()
  }
}

class Play {
  readonly #stage: Stage
  readonly #log: Log
  readonly #live = new Set<Performance>()
  /** What is still to come of actions that were begun. */
  readonly #coming = new Set<Promise<void>>()
  #isBrokenOff = false
  #asked = 0
  /** Of a `run` or `reserve`. */
  #lastEnd = performance.now()
  /** How long a command that does not wait usually takes, ms. */
  #usual = USUAL_AT_FIRST_MS

  constructor(stage: Stage, log: Log) {
    this.#stage = stage
    this.#log = log
  }

  async play({ seed, gpus, seconds, isStopped }: PlayOptions): Promise<void> {
    const users = this.#stage.players.map(({ name }) => name)
    this.#log.tell({ event: 'opened', at: stamp(), seed, gpus, users })
    const script = new Script(seed, { users: users.length, gpus })
    const end = performance.now() + seconds * 1000
    while (performance.now() < end && !isStopped() && !this.#isStuck()) {
      await this.#untilAtMost(MOST_AT_ONCE)
      const action = script.next()
      this.#act(action)
      await Bun.sleep(action.pause)
    }
    if (isStopped()) return this.#breakOff()
    await this.#comeToAnEnd()
  }

  #act(action: Action): void {
    if (action.kind === 'hunt') {
      this.#later(this.#hunt(action.patience))
      return
    }
    const performance = this.#start((command) => askOf(action, command, this.#stage))
    if (action.fate !== null) {
      const { store } = this.#stage.pool
      this.#later(befall(performance, action.fate, { store, usual: () => this.#usual }))
    }
    if (action.kind !== 'reserve' || action.releasedAfter === undefined) return
    this.#later(this.#releaseAfter(performance, action.releasedAfter, action.player))
  }

  #later(coming: Promise<void>): void {
    this.#coming.add(coming)
    void coming.then(() => this.#coming.delete(coming))
  }

  async #releaseAfter({ granted }: Performance, ms: number, player: number): Promise<void> {
    if ((await granted) === undefined) return
    await Bun.sleep(ms)
    if (!this.#isBrokenOff) this.#start(() => releasing(playerOf(this.#stage, player), null))
  }

  /** Kills whoever is found in the middle of a transaction. */
  async #hunt(patience: number): Promise<void> {
    const { database, store } = this.#stage.pool
    const end = performance.now() + patience
    while (performance.now() < end) {
      const pid = writerOf(database)
      const writer = [...this.#live].find((each) => each.pid === pid)
      if (writer !== undefined) return writer.signal('SIGKILL', 'transaction')
      if (pid !== null && supervisorsOf({ store }).includes(pid)) {
        const [command, phase, signal] = ['', 'transaction', 'SIGKILL'] as const
        this.#log.tell({ event: 'signalled', at: stamp(), command, phase, pid, signal })
        return kill(pid, signal)
      }
      await Bun.sleep(0)
    }
  }

  /** Then all must be free. */
  async #comeToAnEnd(): Promise<void> {
    await this.#untilAtMost(0)
    if (this.#live.size > 0) return this.#giveUp()
    await Promise.all(this.#coming)
    await this.#everybodyReleases()
    const first = playerOf(this.#stage, 0)
    for (const verb of ['status', 'queue', 'report'] as const) {
      await this.#start(() => looking(first, verb, '--json')).ended
    }
    await this.#start(() => looking(first, 'report')).ended
    await this.#supervisorsLeave()
  }

  /**
   * Whoever waits meanwhile for what is held by hand shall not wait in vain: a `reserve` that was killed may have been
   * granted something that nobody knows of.
   */
  async #untilAtMost(count: number): Promise<void> {
    while (this.#live.size > count && !this.#isStuck()) {
      const patience = performance.now() + RELEASE_AFTER_MS
      while (this.#live.size > count && performance.now() < patience) await Bun.sleep(LOOK_EVERY_MS)
      if (this.#live.size > count) await this.#everybodyReleases()
    }
  }

  async #everybodyReleases(): Promise<void> {
    const releases = this.#stage.players.map((player) => this.#start(() => releasing(player, null)))
    await Promise.all(releases.map(({ ended }) => ended))
  }

  async #supervisorsLeave(): Promise<void> {
    const { store } = this.#stage.pool
    const patience = performance.now() + PATIENCE_MS
    while (supervisorsOf({ store }).length > 0 && performance.now() < patience) await Bun.sleep(LOOK_EVERY_MS)
    const pids = supervisorsOf({ store })
    if (pids.length > 0) this.#log.tell({ event: 'remained', at: stamp(), pids })
  }

  #giveUp(): Promise<void> {
    const commands = [...this.#live].map(({ command }) => command)
    this.#log.tell({ event: 'stuck', at: stamp(), commands })
    return this.#breakOff()
  }

  async #breakOff(): Promise<void> {
    this.#isBrokenOff = true
    for (const each of this.#live) each.signal('SIGKILL')
    await Promise.all([...this.#live].map(({ ended }) => ended))
    await Promise.all(this.#coming)
  }

  #isStuck(): boolean {
    return this.#live.size > 0 && performance.now() - this.#lastEnd > PATIENCE_MS
  }

  #start(askFor: (command: string) => Ask): Performance {
    const command = `c${++this.#asked}`
    const ask = askFor(command)
    const player = this.#stage.players.find(({ uid }) => uid === ask.uid) ?? playerOf(this.#stage, 0)
    const begun = performance.now()
    const started = new Performance(this.#log, { command, ask, player })
    this.#live.add(started)
    void started.ended.then(() => {
      this.#live.delete(started)
      if (ask.verb === 'run' || ask.verb === 'reserve') this.#lastEnd = performance.now()
      if (ask.verb === 'status') this.#usual += (performance.now() - begun - this.#usual) / 10
    })
    return started
  }
}
