import type { Liveness, Millis, ProcessIdentity } from '../domain/pool/model.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import type { ProcessAnswer } from '../ports/trace.ts'

/** Process checks that record their answers. */
export class RecordedChecks implements ProcessCheck {
  readonly #checks: ProcessCheck
  readonly #answers = new Map<string, ProcessAnswer>()

  constructor(checks: ProcessCheck) {
    this.#checks = checks
  }

  get answers(): readonly ProcessAnswer[] {
    return [...this.#answers.values()]
  }

  readonly alive = (process: ProcessIdentity): Liveness => {
    const alive = this.#checks.alive(process)
    this.#keep({ process, alive })
    return alive
  }

  readonly stopped = (process: ProcessIdentity): boolean => {
    const stopped = this.#checks.stopped(process)
    this.#keep({ process, stopped })
    return stopped
  }

  readonly exitedAt = (process: ProcessIdentity): Millis | undefined => {
    const exitedAt = this.#checks.exitedAt?.(process)
    if (exitedAt !== undefined) this.#keep({ process, exitedAt })
    return exitedAt
  }

  #keep(answer: ProcessAnswer): void {
    const { pid, startTime, bootId, pidNamespace } = answer.process
    const key = [pid, startTime, bootId, pidNamespace].join()
    this.#answers.set(key, { ...this.#answers.get(key), ...answer })
  }
}
