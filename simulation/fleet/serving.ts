import { FROM_CALLER, FROM_HOST } from '../../src/domain/fleet/frames.ts'
import { isSilent } from '../../src/domain/fleet/patience.ts'
import { HostSide } from '../../src/domain/fleet/session.ts'
import { interruptWaiter } from '../check/interrupts.ts'
import type { ScheduledEvent } from '../scheduler.ts'
import type { Process } from '../system/process.ts'
import { acquire } from '../system/programs.ts'
import type { Prepared } from '../system/requests.ts'
import type { System } from '../system/system.ts'
import type { Session } from './session.ts'

/** As in `src/adapters/ssh/end-hosted.ts`. */
const GIVING_UP = 5_000
/** How often the host looks whether its caller is silent, as in `src/adapters/ssh/serve-caller.ts`. */
const CHECK_EVERY = 1_000
const FIRST_CHECK = 19_500

/** The host's end of a session: the process that serves the caller, and the command that it starts. */
export class Serving {
  readonly #system: System
  readonly #session: Session
  readonly #process: Process
  readonly #side = new HostSide()
  #heardAt: number
  #hosted: Process | null = null
  /** Answers the command that asks at the gate. */
  #openGate: ((agreed: boolean) => void) | undefined
  #check: ScheduledEvent | undefined
  #isConnected = true
  #isLeaving = false
  #hasShown = false

  constructor(system: System, session: Session, process: Process) {
    this.#system = system
    this.#session = session
    this.#process = process
    this.#heardAt = this.#now()
    const { link } = session
    link.attach('host', { process, take: (frame) => this.#obey(frame), closed: () => this.#onClosed() })
    process.onDeath.push(() => this.#onDeath())
  }

  begin(prepared: Prepared, waits: boolean): void {
    const { link } = this.#session
    link.send('caller', GREETED)
    this.#hosted = this.#startHosted(prepared, waits)
    if (this.#hosted === null) return
    this.#hosted.onDeath.push(() => this.#in(this.#process, 0, () => this.#finish()))
    this.#watch(this.#process.chance.between(CHECK_EVERY, FIRST_CHECK))
  }

  #startHosted(prepared: Prepared, waits: boolean): Process | null {
    const { account, namespace, behavior, intentFor, launchChance } = prepared
    const { machine } = this.#process
    const placeholder = { kind: 'serve' } as const
    const hosted = this.#system.launch(
      machine,
      { account, purpose: placeholder, chance: launchChance, namespace },
      async (self) => {
        const intent = intentFor(self, this.#session.id)
        const purpose = { kind: 'acquire', intent, claim: 'no', waits } as const
        await self.sleep(self.chance.spread(5, 100))
        self.purpose = purpose
        if (this.#session.isSignalled && waits) self.interrupt()
        const caller = {
          agrees: () => this.#askAtGate(self),
          kept: () => this.#session.kept(),
          waits: () => this.#showPlace(self),
        }
        await acquire(this.#system, self, purpose, behavior, caller)
        this.#session.isDone = true
      },
    )
    if (hosted !== null) this.#session.hosted = hosted
    return hosted
  }

  /** A waiter prints its place in the queue. */
  #showPlace(hosted: Process): void {
    if (this.#hasShown) return
    this.#hasShown = true
    this.#in(hosted, 0, () => this.#session.link.send('caller', FROM_HOST.errorOutput))
  }

  async #askAtGate(hosted: Process): Promise<boolean> {
    this.#session.isGranted = true
    if (!this.#session.isRun) await hosted.sleep(1)
    if (this.#session.isSignalled || this.#isLeaving || !this.#process.isAlive) return false
    return new Promise((resolve) => {
      this.#openGate = (agreed) => this.#in(hosted, 0, () => resolve(agreed))
      this.#in(this.#process, hosted.chance.below(3), () => {
        if (this.#isLeaving) return
        this.#side.granted()
        this.#session.link.send('caller', FROM_HOST.granted)
      })
    })
  }

  #obey(frame: string): void {
    if (this.#isLeaving) return
    this.#heardAt = this.#now()
    this.#session.heard()
    this.#watch(this.#process.chance.between(CHECK_EVERY, FIRST_CHECK))
    switch (frame) {
      case FROM_CALLER.ping:
        this.#session.link.send('caller', FROM_HOST.pong)
        break
      case FROM_CALLER.go:
        if (this.#side.agreed()) {
          this.#session.isAllowed = true
          this.#answerAtGate(true)
        }
        break
      case FROM_CALLER.signal:
        this.#signal()
        break
    }
  }

  #onClosed(): void {
    this.#isConnected = false
    this.#turn()
  }

  #watch(after: number): void {
    if (this.#check !== undefined) this.#check.cancelled = true
    this.#check = this.#in(this.#process, after, () => this.#turn())
  }

  #turn(): void {
    if (this.#isLeaving) return
    // What has come while it was stopped is read first.
    const { resumedAt, machine } = this.#process
    if (resumedAt === machine.scheduler.now) {
      this.#watch(1)
      return
    }
    const step = this.#side.step({
      isOver: !this.#isConnected,
      isSilent: isSilent({ now: this.#now(), heardAt: this.#heardAt }),
    })
    if (step === 'remind') this.#session.link.send('caller', FROM_HOST.pong)
    if (step === 'serve' || step === 'remind') {
      this.#watch(CHECK_EVERY)
      return
    }
    this.#session.leaves(step)
    if (step === 'hang-up') this.#hangUp()
    else {
      if (step === 'give-up') this.#session.link.send('caller', FROM_HOST.failure)
      this.#leave()
    }
  }

  #hangUp(): void {
    this.#isLeaving = true
    this.#signal()
  }

  #leave(): void {
    this.#isLeaving = true
    if (!this.#side.isGranted) this.#signal()
    this.#answerAtGate(false)
    this.#in(this.#process, GIVING_UP, () => this.#end())
  }

  #answerAtGate(agreed: boolean): void {
    this.#openGate?.(agreed)
    this.#openGate = undefined
  }

  /** SIGKILL, or a signal whose default effect is the end. */
  #end(): void {
    const hosted = this.#hosted
    if (hosted?.isAlive !== true) return
    this.#session.wasEnded = true
    hosted.die()
  }

  /** As the kernel delivers a signal that ends: to the handler of a waiter, to that of a command, or by its default effect. */
  #signal(): void {
    const hosted = this.#hosted
    const session = this.#session
    if (hosted === null || !hosted.isAlive) return
    if (hosted.work !== undefined) {
      if (session.isRun) hosted.work.interrupt()
      return
    }
    const { purpose } = hosted
    const waits = purpose.kind === 'acquire' && purpose.waits
    if (waits && !session.isGranted) interruptWaiter(this.#system, hosted)
    else if (session.isRun) this.#end()
    else session.isSignalled = true
  }

  /** The command has ended. */
  #finish(): void {
    const { link, isDone } = this.#session
    if (!this.#isLeaving) link.send('caller', isDone ? FROM_HOST.end : ENDED_BADLY)
    this.#process.die()
  }

  /** The kernel closes the gate, and sends SIGHUP to the command. */
  #onDeath(): void {
    if (!this.#process.machine.isUp) return
    this.#answerAtGate(false)
    if (this.#hosted?.isAlive === true) this.#signal()
  }

  #in(actor: Process, after: number, act: () => void): ScheduledEvent {
    return this.#process.machine.scheduler.after(after, actor, act)
  }

  #now(): number {
    return this.#process.moment().steady.ms
  }
}

/** The greeting, and the end of a command that did not do what it was asked for, which SSH sends as bytes. */
export const GREETED = 'greeting'
export const ENDED_BADLY = 'ended without success'
