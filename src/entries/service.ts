import { otherUserNamespace } from '../adapters/accounts/user-namespace.ts'
import { isRoot, onlyRootCanChange } from '../adapters/files/ownership.ts'
import { currentMoment } from '../adapters/kernel/clock.ts'
import { startedFrom } from '../adapters/process/self.ts'
import { installedPool, machineSetting } from '../adapters/service/machine-setting.ts'
import { systemd, unitFile } from '../adapters/service/systemd.ts'
import { checkClosable, closeStore, openStoreToUsers } from '../adapters/store/open.ts'
import { onlyRootInstalls, replaceableProgram } from '../domain/service-errors.ts'
import { DEFAULT_POOL, DEFAULT_SOCKET, socketPathIn, storePathIn } from '../domain/settings.ts'
import type { ServiceMachine, ServicePlace } from '../ports/service-machine.ts'
import { superviseRuns } from './run-supervisors.ts'

/** What `service` changes on this machine, and the place of the service unless flags name another. */
export function serviceMachine(store: string): {
  readonly machine: ServiceMachine
  readonly place: ServicePlace
} {
  const program = startedFrom() ?? process.execPath
  return {
    machine: {
      authorise: () => authorise(program),
      unit: unitFile(program),
      configuration: machineSetting(),
      files: {
        check: (path) => checkClosable(path, currentMoment),
        close: closeStore,
        open: openStoreToUsers,
      },
      superviseRuns,
      manager: systemd(),
    },
    place: {
      socket: socketPathIn(store) ?? DEFAULT_SOCKET,
      pool: storePathIn(store) ?? installedPool() ?? DEFAULT_POOL,
    },
  }
}

function authorise(program: string): void {
  if (!isRoot()) throw onlyRootInstalls(otherUserNamespace() !== undefined)
  if (!onlyRootCanChange(program)) throw replaceableProgram(program)
}
