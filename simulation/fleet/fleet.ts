import type { Chance as Random } from '../chance.ts'
import { Chance } from '../chance.ts'
import type { Scenario } from '../scenario.ts'
import type { Machine } from '../system/machine.ts'
import type { Process } from '../system/process.ts'
import type { Prepared, RandomRequests } from '../system/requests.ts'
import { ROOT, type System } from '../system/system.ts'
import { BoardServer } from './board-server.ts'
import { ChoiceCheck } from './check/choices.ts'
import { Notices } from './check/notices.ts'
import { SessionCheck } from './check/sessions.ts'
import { Views } from './check/views.ts'
import { EmbeddedPublishing, LONGEST_DELAY } from './embedded.ts'
import { Link } from './link.ts'
import { publish } from './publishing.ts'
import { Serving } from './serving.ts'
import { Session } from './session.ts'

/** From a failure to the next start of a daemon. */
const RESTART = 4_000
/** From a commit until the board has it, without faults. */
const PUBLISHED_WITHIN = 5_000
const DAY = 86_400_000

/** What the hosts of a scenario have in common: a board, and connections between them. */
export class Fleet {
  readonly system: System
  readonly requests: RandomRequests
  readonly server: BoardServer
  readonly notices: Notices
  readonly views: Views
  readonly sessions: SessionCheck
  readonly choices: ChoiceCheck
  readonly chance: Random
  /** The hosts without a daemon. */
  readonly embedded = new Map<Machine, EmbeddedPublishing>()
  /** The sessions that may not have ended. */
  open: Session[] = []
  readonly #committedAt = new Map<Machine, number>()
  #ids = 0

  constructor(system: System, requests: RandomRequests, { seed }: Scenario) {
    const { scheduler } = system
    this.system = system
    this.requests = requests
    this.chance = new Chance(seed ^ 0xb0a2d)
    this.server = new BoardServer(scheduler, new Chance(this.chance.next()))
    this.notices = new Notices(scheduler)
    this.sessions = new SessionCheck(system)
    this.choices = new ChoiceCheck(system)
    system.checker.onCommit.push(({ machine }) => this.#committedAt.set(machine, scheduler.now))
    this.views = new Views({
      notices: this.notices,
      server: this.server,
      report: (violation) => {
        system.violation ??= violation
      },
    })
    for (const machine of system.machines) {
      if (this.chance.is(0.5)) machine.setClock(this.chance.between(-DAY, DAY))
      if (this.chance.is(0.4)) {
        const { server, notices } = this
        const chance = new Chance(this.chance.next())
        this.embedded.set(machine, new EmbeddedPublishing({ system, machine, server, notices, chance }))
        continue
      }
      machine.started = () => this.#startPublisher(machine)
      this.#startPublisher(machine)
    }
  }

  /** Whether the host publishes also without a change. */
  isRepeated(machine: Machine): boolean {
    return !this.embedded.has(machine) || hasOldRun(machine)
  }

  /** Whether the board must have the last commit of the host. */
  isPublished(machine: Machine): boolean {
    return this.embedded.get(machine)?.isPublished ?? true
  }

  /** When the host last committed something, if the board must have it by now. */
  publishedChange(machine: Machine): number {
    const committedAt = this.#committedAt.get(machine) ?? Number.NEGATIVE_INFINITY
    const hadTime = machine.scheduler.now - committedAt >= PUBLISHED_WITHIN
    // Notices of two boots have no order, so an earlier one may arrive last.
    const isOrdered =
      !this.system.hidesBootIds && (machine.boots === 1 || machine.sinceBoot() >= LONGEST_DELAY)
    return hadTime && isOrdered && this.isPublished(machine) ? committedAt : Number.NEGATIVE_INFINITY
  }

  newId(): string {
    return `c${++this.#ids}`
  }

  machineNamed(name: string): Machine {
    const found = this.system.machines.find((machine) => machine.name === name)
    if (found === undefined) throw new Error(`there is no machine ${name}`)
    return found
  }

  #startPublisher(machine: Machine): void {
    const chance = new Chance(this.chance.next())
    const launch = { account: ROOT, purpose: { kind: 'publish' }, chance } as const
    const process = this.system.launch(machine, launch, (self) => publish(self, this.server, this.notices))
    process?.onDeath.push(() => {
      machine.committed = () => {}
      const { boots } = machine
      this.system.scheduler.after(this.chance.between(100, RESTART), null, () => {
        if (machine.isUp && machine.boots === boots) this.#startPublisher(machine)
      })
    })
  }

  /** Connects a caller with a host, which starts a command for it. */
  connect(
    caller: Process,
    host: Machine,
    { prepared, isRun, waits }: { prepared: Prepared; isRun: boolean; waits: boolean },
  ): Session {
    const { scheduler } = this.system
    const chance = new Chance(this.chance.next())
    const link = new Link(scheduler, chance, () => this.sessions.broken(session))
    const session: Session = new Session({ id: this.newId(), isRun, host, caller, link }, this.sessions)
    this.sessions.begun(session)
    this.open = [...this.open.filter(({ isOpen }) => isOpen), session]
    this.system.log(() => `${caller.name} calls ${host.name}: ${session.id}`)
    scheduler.after(chance.spread(20, 2_000), null, () => {
      if (!caller.isAlive || !link.isWhole) return
      if (!host.isUp) {
        if (chance.is(0.5)) link.close()
        return
      }
      const launch = { account: prepared.account, purpose: { kind: 'serve' }, chance } as const
      this.system.launch(host, launch, (self) => {
        session.server = self
        new Serving(this.system, session, self).begin(prepared, waits)
        return new Promise(() => {})
      })
    })
    return session
  }

  /** Has a process on a host find an answer, which then reaches the one that asks, or is lost. */
  ask(asker: Process, host: Machine, find: (there: Process) => Promise<() => void>): void {
    const { scheduler } = this.system
    const chance = new Chance(this.chance.next())
    scheduler.after(chance.spread(10, 1_000), null, () => {
      if (chance.is(0.03)) return
      const launch = { account: asker.account, purpose: { kind: 'forecast' }, chance } as const
      this.system.launch(host, launch, async (there) => {
        const answer = await find(there)
        if (!chance.is(0.03)) scheduler.after(chance.spread(1, 300), asker, answer)
      })
    })
  }
}

/** Longer than the time between two signs of life. */
const OLD = 20_000

/** Whether a supervisor has watched a run for longer than the time between two signs. */
const hasOldRun = (machine: Machine): boolean =>
  machine.liveProcesses().some((process) => {
    const { purpose, role, state, resumedAt, supervisesSince } = process
    if (role !== 'supervisor' || purpose.kind !== 'supervise' || state !== 'running') return false
    const isHeld = machine.stored.pool?.reservations.some(({ id }) => id === purpose.reservation) === true
    return isHeld && machine.scheduler.now - Math.max(resumedAt, supervisesSince) >= OLD
  })
