import { MemoryStore } from '../../../src/adapters/memory/memory-store.ts'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import type { Liveness, ProcessIdentity } from '../../../src/domain/pool/model.ts'
import type { EndSignal, ProcessExits } from '../../../src/ports/process-exits.ts'
import type { Creation, Decide } from '../../../src/ports/store.ts'
import type { Lane, Lanes } from './lanes.ts'

export interface Process {
  readonly identity: ProcessIdentity
  readonly uid: number
  state: 'alive' | 'stopped' | 'gone'
}

interface Watch {
  readonly pid: number
  readonly lane: Lane
  readonly exited: () => void
}

/** The processes of a machine. An exit is reported some time after it happens. */
export class Processes {
  readonly #lanes: Lanes
  readonly #all = new Map<number, Process>()
  #watches = new Set<Watch>()
  #lastPid = 100

  constructor(lanes: Lanes) {
    this.#lanes = lanes
  }

  start(uid: number): Process {
    const pid = ++this.#lastPid
    const identity = { pid, startTime: pid * 10, bootId: 'b', pidNamespace: '1' }
    const process: Process = { identity, uid, state: 'alive' }
    this.#all.set(pid, process)
    return process
  }

  exit(process: Process): void {
    process.state = 'gone'
    for (const watch of this.#watches) {
      if (watch.pid === process.identity.pid) watch.lane.add(watch.exited)
    }
  }

  /** Every second command ignores SIGINT. */
  signal(identity: ProcessIdentity, signal: EndSignal): void {
    const process = this.find(identity)
    if (process === undefined || (signal === 'SIGINT' && identity.pid % 2 === 0)) return
    this.#lanes.open().add(() => this.onSignal(process))
  }

  /** Must end the process. */
  onSignal: (process: Process) => void = (process) => this.exit(process)

  readonly alive = ({ pid }: ProcessIdentity): Liveness =>
    (this.#all.get(pid)?.state ?? 'gone') === 'gone' ? 'gone' : 'alive'

  readonly stopped = ({ pid }: ProcessIdentity): boolean => this.#all.get(pid)?.state === 'stopped'

  find({ pid }: ProcessIdentity): Process | undefined {
    return this.#all.get(pid)
  }

  /** The pids that are watched now. */
  get watched(): readonly number[] {
    return [...this.#watches].map(({ pid }) => pid)
  }

  /** For one daemon; the watches of an earlier one end. */
  exits(): ProcessExits {
    for (const { lane } of this.#watches) lane.end()
    const watches = new Set<Watch>()
    this.#watches = watches
    return {
      watch: (process, exited) => {
        if (this.alive(process) === 'gone') return null
        const watch = { pid: process.pid, lane: this.#lanes.open(), exited }
        watches.add(watch)
        return {
          signal: (signal) => this.signal(process, signal),
          stop: () => {
            watches.delete(watch)
            watch.lane.end()
          },
        }
      },
      signal: (process, signal) => this.signal(process, signal),
      poll: () => {
        for (const watch of [...watches]) {
          if (this.#all.get(watch.pid)?.state !== 'gone') continue
          watches.delete(watch)
          watch.lane.end()
          watch.exited()
        }
      },
    }
  }
}

export const diskFailure = (): CanhazgpuError => new CanhazgpuError('store-unavailable', 'The disk is full')

/** A store whose operations begin later, in their order, and may fail. */
export class SlowStore extends MemoryStore {
  lane: Lane | undefined
  fails: () => boolean = () => false

  override load() {
    return this.#later(() => super.load())
  }

  override update<Answer>(change: Decide<Answer> | Creation<Answer>): Promise<Answer> {
    return this.#later(() => super.update<Answer>(change))
  }

  override isRecorded(reservation: string) {
    return this.#later(() => super.isRecorded(reservation))
  }

  #later<Result>(work: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.lane?.add(() => {
        if (this.fails()) reject(diskFailure())
        else work().then(resolve, reject)
      })
    })
  }
}
