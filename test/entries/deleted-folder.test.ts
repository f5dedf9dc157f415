import { expect, test } from 'bun:test'
import { failureOf } from '../support/failure.ts'
import { testPool } from '../support/pool.ts'

test('the shell that starts the supervisor prints nothing about a deleted working folder', async () => {
  using pool = await testPool(1)
  const { stdout, stderr } = await pool.sh(
    `mkdir gone; cd gone; rmdir ../gone; "$CHG" run -- true; exec "$CHG" status`,
  )
  expect(stdout).toStartWith('GPU 0: ')
  expect(stderr).toBe('Reserved 1 GPU(s): [0] for command execution\n')
})

test('commands work in a deleted working folder', async () => {
  using pool = await testPool(1)
  const inDeletedFolder = (script: string) => pool.sh(`mkdir -p gone; cd gone; rmdir ../gone; ${script}`)
  expect((await inDeletedFolder('"$CHG" run -- readlink /proc/self/cwd')).stdout).toEndWith(
    '/gone (deleted)\n',
  )
  expect((await inDeletedFolder('"$CHG" reserve --short')).stdout).toBe('0\n')
  const refused = await inDeletedFolder('"$CHG" run --json -- true')
  expect(failureOf(refused)).toMatchObject({ status: 75, code: 'not-enough-gpus' })
  expect((await inDeletedFolder('"$CHG" release')).stdout).toBe('Released 1 GPU(s): [0]\n')
  expect((await inDeletedFolder(`"$CHG" run -- ./none; echo $?`)).stdout).toBe('127\n')
})
