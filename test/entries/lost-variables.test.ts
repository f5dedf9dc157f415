import { expect, test } from 'bun:test'
import { chmodSync, writeFileSync } from 'node:fs'
import { testPool } from '../support/pool.ts'

test('run warns before a program that drops the variables of the GPUs', async () => {
  using pool = await testPool(1)
  const sudo = `${pool.folder}/sudo`
  writeFileSync(sudo, '#!/bin/sh\necho ran\n')
  chmodSync(sudo, 0o755)
  const granted = 'Reserved 1 GPU(s): [0] for command execution\n'
  const warned = await pool.sh(`"$CHG" run -- ${sudo} true`)
  expect(warned.stdout).toBe('ran\n')
  expect(warned.stderr).toMatch(/^Warning: .*CUDA_VISIBLE_DEVICES.*--preserve-env=CUDA_VISIBLE_DEVICES.*\n/)
  expect(warned.stderr).toEndWith(granted)

  const inJson = await pool.sh(`"$CHG" run --json -- ${sudo} true`)
  expect(inJson.stderr.split('\n').map((line) => line && Object.keys(JSON.parse(line))[0])).toEqual([
    'warning',
    'reservation',
    '',
  ])
  expect((await pool.sh(`"$CHG" run -- ${sudo} -E true`)).stderr).toBe(granted)
})
