import { beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { changeStoredPool, storedPool } from '../support/database.ts'
import { untilAllFree } from '../support/job.ts'
import { binary, type TestPool, testPool } from '../support/pool.ts'
import { root } from '../support/sources.ts'
import { hold } from '../support/waiters.ts'

let recipes: readonly string[] = []
beforeAll(async () => {
  const page = await Bun.file(`${root}docs/containers.md`).text()
  recipes = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, recipe = '']) => recipe)
})

const recipe = (words: string): string => {
  const found = recipes.find((each) => each.includes(words))
  if (found === undefined) throw new Error(`no recipe with ${words}`)
  return found
}

/** A pool with a `docker` on its PATH that prints its arguments. */
async function poolWithDocker(): Promise<TestPool> {
  const pool = await testPool(4)
  const bin = `${pool.folder}/bin`
  mkdirSync(bin)
  writeFileSync(`${bin}/docker`, `#!/bin/sh\nprintf '<%s>' "$@"; echo " $NVIDIA_VISIBLE_DEVICES"\n`)
  chmodSync(`${bin}/docker`, 0o755)
  pool.env.PATH = `${bin}:${dirname(binary)}:${pool.env.PATH}`
  await hold(pool, '--gpu-ids', '0,2')
  return pool
}

describe.concurrent('the recipes of docs/containers.md', () => {
  test('run, with the variable of the NVIDIA container runtime', async () => {
    using pool = await poolWithDocker()
    expect((await pool.sh(recipe('--runtime=nvidia'))).stdout).toBe(
      '<run><--rm><--runtime=nvidia><-e><NVIDIA_VISIBLE_DEVICES><my-image><python><train.py> 1,3\n',
    )
  })

  test('run, with --gpus', async () => {
    using pool = await poolWithDocker()
    expect((await pool.sh(recipe('sh -c'))).stdout).toBe(
      '<run><--rm><--gpus><"device=1,3"><my-image><python><train.py> 1,3\n',
    )
  })

  test('reserve, in one line', async () => {
    using pool = await poolWithDocker()
    expect((await pool.sh(recipe('--detach'))).stdout).toBe(
      '<run><--detach><--gpus><"device=1,3"><my-image><jupyter><lab> \n',
    )
  })

  test('reserve, in a script that stops if no GPU is free', async () => {
    using pool = await poolWithDocker()
    await pool.chg('release')
    const script = recipe('set -e')
    const { stdout } = await pool.sh(script)
    expect(stdout).toStartWith('<run><--rm><--gpus><"device=')
    expect(stdout).toEndWith('Released 2 GPU(s): [1, 3]\n')
    await untilAllFree(pool)
    await hold(pool, '--gpus', '3')
    expect(await pool.sh(script.replace('30m', '1s'))).toMatchObject({ status: 75, stdout: '' })
  })
})

test('reserve --docker is refused if docker could not pass the GPUs', async () => {
  using pool = await testPool(2)
  changeStoredPool(pool, (document) => ({ ...document, provider: 'amd-smi' }))
  expect(await pool.chg('reserve', '--docker')).toMatchObject({ status: 2, stdout: '' })
  expect(storedPool(pool).reservations).toEqual([])
})
