import type { Answers, Operations } from '../../domain/operation/operation.ts'
import type { Refusal } from '../../domain/operation/refusal.ts'
import type { Unit } from '../../domain/pool/model.ts'
import type { Administration, NamedChange, WantedPool } from '../administration.ts'
import type { DaemonPool } from './daemon-pool.ts'

/** Administers the pool of the daemon. The daemon checks that this account may. */
export class RemoteAdministration implements Administration {
  readonly #pool: DaemonPool

  constructor(pool: DaemonPool) {
    this.#pool = pool
  }

  setUp(wanted: WantedPool) {
    return this.#pool.administer<'set-up'>({ name: 'set-up', wanted })
  }

  check() {
    return this.#pool.administer<'check'>({ name: 'check' })
  }

  refresh(): Promise<readonly Unit[] | Refusal> {
    return this.#pool.perform({ op: 'adopt-devices' })
  }

  settings() {
    return this.#pool.administer<'settings'>({ name: 'settings' })
  }

  setPolicy(change: NamedChange, reason?: string) {
    const why = reason === undefined ? {} : { reason }
    return this.#pool.administer<'set-policy'>({ name: 'set-policy', change, ...why })
  }

  drain(wanted: Operations['drain']): Promise<Answers['drain'] | Refusal> {
    return this.#pool.perform({ op: 'drain', ...wanted })
  }

  restore(wanted: Operations['restore']): Promise<Answers['restore'] | Refusal> {
    return this.#pool.perform({ op: 'restore', ...wanted })
  }
}
