import { daemonPool } from './daemon.ts'
import { embeddedPool, type TestPool } from './embedded.ts'

export { binary, type Child, type Finished, finished, type TestPool } from './embedded.ts'

/**
 * Whether a daemon serves the test pools. The test runner runs many process tests in both modes
 * (`scripts/test-files.mjs`).
 */
export const inDaemonMode = process.env.CANHAZGPU_TEST_MODE === 'daemon'

/** A pool of fake GPUs in its own folder, in the mode under test; with 0 GPUs no pool is set up. */
export const testPool = (gpus = 4): Promise<TestPool> =>
  inDaemonMode ? daemonPool(gpus) : embeddedPool(gpus)
