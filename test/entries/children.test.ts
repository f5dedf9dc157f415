import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { nvmlEnvironment } from '../adapters/gpu/simulated-drivers.ts'
import { needing } from '../support/needs.ts'
import { type TestPool, testPool } from '../support/pool.ts'

const GPU = ['gpu 0 uuid GPU-0', 'gpu 0 name Test', 'gpu 0 total 85000000000']

let pool: TestPool
beforeAll(async () => {
  pool = await testPool(0)
})
afterAll(() => pool[Symbol.dispose]())

needing('gcc', 'embedded pool').describe('run with a driver', () => {
  test('a command has no child, even if the driver takes long to end the process that asked it', async () => {
    const folder = join(pool.folder, 'driver')
    Bun.spawnSync(['mkdir', folder])
    const script = [...GPU, 'linger 150', ''].join('\n')
    const { CANHAZGPU_NVML_LIBRARY, STANDIN_NVML } = await nvmlEnvironment(script, folder)
    Object.assign(pool.env, { CANHAZGPU_NVML_LIBRARY, STANDIN_NVML })
    expect((await pool.chg('admin', '--gpus', '1', '--provider', 'nvml')).status).toBe(0)
    // The shell only runs builtins, so it has no child of its own.
    const seen = await pool.chg(
      'run',
      '--',
      'sh',
      '-c',
      'read children </proc/$$/task/$$/children; echo "children: $children"',
    )
    expect(seen).toMatchObject({ status: 0, stdout: 'children: \n' })
  })
})
