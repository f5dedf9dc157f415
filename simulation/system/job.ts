import type { Job } from '../../src/app/supervise.ts'
import type { ScheduledEvent } from '../scheduler.ts'
import type { Process } from './process.ts'
import type { Watcher } from './stored-pool.ts'

type Event = 'exited' | 'changed' | 'timeout'

/** The command of a supervisor, in place of `src/entries/supervisor.ts`. */
export class WatchedJob implements Job {
  readonly #supervisor: Process
  readonly #command: Process
  #changed = false
  #wake: ((by: Event) => void) | undefined

  constructor(supervisor: Process, command: Process) {
    this.#supervisor = supervisor
    this.#command = command
    const watcher: Watcher = {
      process: supervisor,
      isListening: true,
      due: 'nothing',
      wake: () => this.#onChange(),
    }
    supervisor.machine.stored.watchers.add(watcher)
    const onDeath = () => void supervisor.machine.scheduler.after(0, supervisor, () => this.#wake?.('exited'))
    command.onDeath.push(onDeath)
  }

  wait(timeoutMs: number): Event | Promise<Event> {
    if (!this.#command.isAlive) return 'exited'
    if (this.#changed) {
      this.#changed = false
      return 'changed'
    }
    return this.#awaited(timeoutMs, true)
  }

  async pause(timeoutMs: number): Promise<'exited' | 'timeout'> {
    if (!this.#command.isAlive) return 'exited'
    return (await this.#awaited(timeoutMs, false)) === 'exited' ? 'exited' : 'timeout'
  }

  interrupt(): void {
    if (this.#command.work === undefined) this.#command.die()
    else this.#command.work.interrupt()
  }

  kill(): void {
    if (this.#command.work === undefined) this.#command.die()
    else this.#command.work.kill()
  }

  isOver(): boolean {
    return this.#command.work?.isOver ?? !this.#command.isAlive
  }

  writeStderr(line: string): void {
    const { machine, name } = this.#supervisor
    machine.trace.add(machine.scheduler.now, () => `${name} prints: ${line}`)
  }

  #awaited(ms: number, changesWake: boolean): Promise<Event> {
    return new Promise((resolve) => {
      let timer: ScheduledEvent | undefined
      this.#wake = (by) => {
        if (by === 'changed' && !changesWake) {
          this.#changed = true
          return
        }
        if (timer !== undefined) timer.cancelled = true
        this.#wake = undefined
        resolve(by)
      }
      if (ms === Number.POSITIVE_INFINITY) return
      const { scheduler } = this.#supervisor.machine
      timer = scheduler.after(Math.ceil(ms), this.#supervisor, () => this.#wake?.('timeout'))
    })
  }

  #onChange(): void {
    if (this.#wake === undefined) this.#changed = true
    else this.#wake('changed')
  }
}
