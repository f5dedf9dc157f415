import type { ConfigFile } from '../adapters/settings/config-file.ts'
import { isOfDaemon } from '../adapters/store/files/daemon-lock.ts'
import { otherStore } from '../domain/daemon-errors.ts'
import type { ProviderChoice } from '../domain/pool/model.ts'
import { MACHINE_FILE, mayUseRealGpus, storePathIn } from '../domain/settings.ts'

/** Throws `permission-denied` if a pool must not use the GPUs of this provider; undefined means any real one. */
export type CheckGpuAccess = (provider: ProviderChoice | undefined) => void

/** The check for a pool at this store, by the configuration of the machine. */
export function gpuAccess(files: readonly ConfigFile[], store: string): CheckGpuAccess {
  const named = files.find(({ path }) => path === MACHINE_FILE)?.values.store
  return (provider) => {
    if (provider === 'fake' || mayUseRealGpus(store, named)) return
    // Root repairs the files of the daemon, while the daemon is down.
    const path = storePathIn(store)
    if (path === undefined || !isOfDaemon(path)) throw otherStore(String(named))
  }
}
