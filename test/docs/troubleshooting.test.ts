import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { EIGHT_H100 } from '../adapters/gpu/simulated-machine.ts'
import { daemonPool } from '../support/daemon.ts'
import { binary, type TestPool, testPool } from '../support/pool.ts'
import { wait } from '../support/waiters.ts'
import { machineWithDriver, reserved, usedByBob } from './others.ts'
import { testPage } from './page.ts'

const oneGpu = () => testPool(1)

/** Each command line of the page is typed in the situation that its section is about. */
testPage('docs/troubleshooting.md', {
  'sudo canhazgpu admin': { pool: machineWithDriver },
  'canhazgpu status': { pool: () => testPool(2), before: async (pool) => pool.setFakeDriver(usedByBob(1)) },
  'canhazgpu run --gpus 2 -- python train.py': {
    pool: () => testPool(2),
    before: (pool) => reserved(pool, 'carol', '1'),
  },
  'canhazgpu queue': {
    pool: oneGpu,
    before: async (pool) => {
      await reserved(pool, 'carol', '0')
      await wait(pool, 'reserve', '--user', 'ann', '--wait')
    },
  },
  'canhazgpu doctor driver devices persistence': {
    pool: () => machineWithDriver({ ...EIGHT_H100, behaviour: 'hangs' }),
    status: 1,
  },
  'canhazgpu doctor service': { pool: deadDaemon, status: 1 },
  'sudo canhazgpu admin --check': {
    pool: oneGpu,
    before: async (pool) => chmodSync(pool.database, 0o600),
    status: 1,
  },
  'canhazgpu doctor configuration': {
    pool: oneGpu,
    before: (pool) => Bun.write(`${pool.folder}/.canhazgpu.yaml`, 'no-color: true\n'),
    varying: /, \/etc\/canhazgpu\/config\.yaml/g,
  },
  'canhazgpu doctor programs': {
    pool: oneGpu,
    before: async (pool) => {
      mkdirSync(`${pool.folder}/bin`)
      writeFileSync(`${pool.folder}/bin/canhazgpu`, '#!/bin/sh\necho 0.0.9\n', { mode: 0o755 })
      pool.env.PATH = `${pool.folder}/bin:${pool.env.PATH}`
    },
    instead: async () => ({ canhazgpu: binary }),
  },
  'sudo canhazgpu doctor --bundle /tmp/report.tar.gz': { pool: machineWithDriver },
  'canhazgpu doctor --capture driver-answers': { pool: machineWithDriver },
})

async function deadDaemon(): Promise<TestPool> {
  const pool = await daemonPool(1)
  await pool.killDaemon()
  return pool
}
