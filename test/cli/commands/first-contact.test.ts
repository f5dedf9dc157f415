import { expect, test } from 'bun:test'
import { mkdtempSync } from 'node:fs'
import type { GuideDocument } from '../../../src/views/schemas/admin.ts'
import { nvidiaSmiFiles, programEnvironment } from '../../adapters/gpu/simulated-drivers.ts'
import { EIGHT_H100 } from '../../adapters/gpu/simulated-machine.ts'
import { failureOf } from '../../support/failure.ts'
import { binary, testPool } from '../../support/pool.ts'
import { openTerminal } from '../../support/terminal.ts'

const documentOf = ({ stdout }: { readonly stdout: string }): GuideDocument => JSON.parse(stdout)

test('admin without --gpus and without a pool names the GPUs of the machine and the command to type', async () => {
  using pool = await testPool(0)
  const folder = mkdtempSync(`${pool.folder}/driver-`)
  Object.assign(pool.env, await programEnvironment('nvidia-smi', nvidiaSmiFiles(EIGHT_H100), folder))
  pool.env.CANHAZGPU_NVML_LIBRARY = `${folder}/none.so.1`
  const asked = await pool.chg('admin', '--provider', 'nvidia-smi')
  expect(asked).toMatchObject({ status: 2, stdout: '' })
  // As root, a program in a folder of another account is not run; the folder of this test belongs to us.
  expect(asked.stderr).toContain('shows 8 GPUs: 8 × NVIDIA H100')
  expect(asked.stderr).toEndWith(
    "Error: Required option '-g, --gpus <count>' not specified - type 'sudo canhazgpu admin --gpus 8'\n",
  )
  const json = await pool.chg('admin', '--json')
  expect(failureOf({ ...json, stdout: '' })).toMatchObject({ code: 'usage', status: 2 })
  expect(documentOf(json)).toMatchObject({ found: 'gpus', provider: 'nvidia-smi' })
})

test('admin without --gpus and without a driver says so', async () => {
  using pool = await testPool(0)
  pool.env.PATH = '/nowhere'
  pool.env.CANHAZGPU_NVML_LIBRARY = '/nowhere/none.so.1'
  const asked = await pool.chg('admin', '--json')
  expect(asked.status).toBe(2)
  expect(['no-gpus', 'gpus']).toContain(documentOf(asked).found)
})

test('admin without --gpus names the GPUs of the pool, and changes nothing', async () => {
  using pool = await testPool(4)
  await pool.chg('reserve')
  const asked = await pool.chg('admin', '--json')
  expect(asked.status).toBe(2)
  expect(documentOf(asked)).toMatchObject({ found: 'pool', pool: { gpus: 4, provider: 'fake' } })
  const text = await pool.chg('admin')
  expect(text).toMatchObject({ status: 2, stdout: '' })
  expect(text.stderr).toContain('sudo canhazgpu admin --refresh')
  expect((await pool.status()).filter(({ status }) => status !== 'AVAILABLE')).toHaveLength(1)
})

test('canhazgpu alone shows the pool on a terminal', async () => {
  using pool = await testPool(4)
  await pool.chg('reserve')
  using terminal = openTerminal(pool, [binary])
  await terminal.see('AVAILABLE')
  await terminal.see('canhazgpu run --gpus 1 -- python train.py')
  expect(await terminal.process.exited).toBe(0)
})

test('canhazgpu alone says what to do if there is no pool', async () => {
  using pool = await testPool(0)
  using terminal = openTerminal(pool, [binary])
  await terminal.see('canhazgpu admin --gpus')
  expect(await terminal.process.exited).toBe(1)
})

test('canhazgpu alone in a script is a usage error', async () => {
  using pool = await testPool(2)
  for (const line of ['"$CHG"', '"$CHG" $NOT_SET', '"$CHG" -- true']) {
    const asked = await pool.sh(line)
    expect(asked).toMatchObject({ status: 2, stdout: '' })
    expect(asked.stderr).toContain('Usage: canhazgpu')
  }
})
