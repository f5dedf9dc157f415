import { otherUserNamespace } from '../adapters/accounts/user-namespace.ts'
import { isRoot, onlyRootCanChange } from '../adapters/files/ownership.ts'
import { currentMoment } from '../adapters/kernel/clock.ts'
import { startedFrom } from '../adapters/process/self.ts'
import { installedPool, machineSetting } from '../adapters/service/machine-setting.ts'
import { systemd, unitFile } from '../adapters/service/systemd.ts'
import { checkClosable, closeStore, openStoreToUsers } from '../adapters/store/open.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import { DEFAULT_POOL, DEFAULT_SOCKET, socketPathIn, storePathIn } from '../domain/settings.ts'
import type { ServiceMachine, ServicePlace } from '../ports/service-machine.ts'
import { superviseLimits } from './limit-supervisors.ts'

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
      superviseLimits,
      manager: systemd(),
    },
    place: {
      socket: socketPathIn(store) ?? DEFAULT_SOCKET,
      pool: storePathIn(store) ?? installedPool() ?? DEFAULT_POOL,
    },
  }
}

/** Root will run the program at every boot. */
function authorise(program: string): void {
  if (!isRoot()) {
    const hint =
      otherUserNamespace() === undefined
        ? 'use sudo'
        : 'run it outside this user namespace, where every user can be root'
    throw new CanhazgpuError('permission-denied', 'Only root may install or remove the service', { hint })
  }
  if (onlyRootCanChange(program)) return
  throw new CanhazgpuError('permission-denied', `Another user can replace ${program}`, {
    hint: "install it first: 'install -m 755 canhazgpu /usr/local/bin/canhazgpu'",
  })
}
