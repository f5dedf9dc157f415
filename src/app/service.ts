import type { ServiceMachine, ServicePlace } from '../ports/service-machine.ts'

export interface ServiceAnswer extends ServicePlace {
  readonly kind: 'installed' | 'uninstalled' | 'planned'
  /** Path of the unit; null if systemd does not run here. */
  readonly unit: string | null
  readonly unitText?: string
  readonly configuration: string
  /** Whether this call moved the pool. */
  readonly moved: boolean
}

/** What `installService` would do. */
export function plannedService(machine: ServiceMachine, place: ServicePlace): ServiceAnswer {
  const { unit, configuration } = machine
  return {
    ...{ kind: 'planned', ...place, unit: unit.path, unitText: unit.text(place) },
    ...{ configuration: configuration.path, moved: false },
  }
}

/**
 * Moves the pool into the daemon and starts the daemon. The setting changes first: waiters read it when the pool closes, and
 * join the queue of the daemon. After an interruption at any point, a second call completes the move.
 */
export async function installService(machine: ServiceMachine, place: ServicePlace): Promise<ServiceAnswer> {
  const { unit, configuration, files, manager } = machine
  machine.authorise(place)
  configuration.check(place)
  await files.check(place.pool)
  if (manager !== null) {
    unit.prepare(place)
    unit.write(place)
  }
  configuration.use(place)
  const moved = await files.close(place.pool)
  await manager?.start(place.socket)
  return answer('installed', machine, place, moved)
}

/** Stops the daemon and opens the pool to its users. The setting changes last, so that waiters find the open pool. */
export async function uninstallService(machine: ServiceMachine, place: ServicePlace): Promise<ServiceAnswer> {
  const { unit, configuration, files, manager } = machine
  machine.authorise(place)
  await manager?.stop()
  const superviseOthers = await machine.superviseRuns(place.pool)
  const moved = await files.open(place.pool)
  superviseOthers()
  configuration.restore()
  if (manager !== null) {
    unit.remove()
    await manager.reload()
  }
  return answer('uninstalled', machine, place, moved)
}

function answer(
  kind: ServiceAnswer['kind'],
  { unit, configuration, manager }: ServiceMachine,
  place: ServicePlace,
  moved: boolean,
): ServiceAnswer {
  return {
    ...{ kind, ...place, moved, configuration: configuration.path },
    unit: manager === null ? null : unit.path,
  }
}
