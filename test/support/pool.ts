import { daemonPool } from './daemon.ts'
import { embeddedPool, type TestPool } from './embedded.ts'
import { inDaemonMode } from './needs.ts'

export { binary, type Child, type Finished, finished, type TestPool } from './embedded.ts'

/**
 * A pool of fake GPUs in its own folder, in the mode under test; with 0 GPUs no pool is set up. All its processes have
 * the variables.
 */
export const testPool = (
  gpus = 4,
  env: Readonly<Record<string, string>> = {},
  within: readonly string[] = [],
): Promise<TestPool> => (inDaemonMode ? daemonPool(gpus, env, within) : embeddedPool(gpus, env, within))
