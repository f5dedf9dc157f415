import { own, released, reserved, running, usedByBob } from './docs/others.ts'
import { testPage } from './docs/page.ts'
import { type TestPool, testPool } from './support/pool.ts'

const fourGpus = () => testPool(4)

/** GPU 0 is free, bob uses GPU 1 without a reservation, alice runs on GPU 2, carol holds GPU 3. */
async function teamAtWork(pool: TestPool): Promise<void> {
  await pool.chg('run', '--gpu-ids', '0', '--', 'true')
  await reserved(pool, 'carol', '3')
  await running(pool, 'alice', '2')
  const { gpus } = usedByBob(1)
  pool.setFakeDriver({
    gpus: { ...gpus, 0: { memory_used_mb: 45 }, 2: { processes: [own('alice', 8452)] } },
  })
}

testPage('README.md', {
  'canhazgpu status': { pool: fourGpus, before: teamAtWork },
  'canhazgpu reserve --gpus 1 --duration 4h': { onTerminal: true },
  'canhazgpu run --gpus 2 -- python train.py (2)': { pool: fourGpus, before: teamAtWork },
  'canhazgpu run --gpus 2 --wait --timeout 2h -- python train.py': {
    pool: fourGpus,
    before: teamAtWork,
    meanwhile: (pool) => released(pool, '3'),
  },
})
