import { CanhazgpuError } from '../../domain/errors.ts'
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

  async setUp(wanted: WantedPool) {
    refuseImport(wanted)
    return this.#pool.administer<'set-up'>({ name: 'set-up', wanted })
  }

  planSetUp(wanted: WantedPool): Promise<never> {
    refuseImport(wanted)
    throw new Error('only an import is planned')
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

/** A history does not fit into one request. */
function refuseImport({ imported }: WantedPool): void {
  if (imported === undefined) return
  throw new CanhazgpuError('usage', '--import sets up a pool in a file, and the daemon owns this pool', {
    hint: "import before 'canhazgpu service install', which takes the pool over",
  })
}
