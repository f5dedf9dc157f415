import { expect, test } from 'bun:test'
import { failureOf } from '../support/failure.ts'
import { testPool } from '../support/pool.ts'

/** With this limit the runtime cannot allocate the memory for its JIT compiler. */
const WITHOUT_JIT = 'ulimit -v 2000000;'

test('without a JIT, commands fail with one line that names the remedy', async () => {
  using pool = await testPool(1)
  for (const [command, status] of [
    ['status', 1],
    ['--no-color status', 1],
    ['run -- true --json', 125],
    ['web', 1],
  ] as const) {
    const failed = await pool.sh(`${WITHOUT_JIT} "$CHG" ${command}`)
    expect(failed.stdout).toBe('')
    expect(failed.stderr).toMatch(/^Error: .*C library.* - .*ulimit -v.*MemoryDenyWriteExecute.*\n$/)
    expect(failed.status).toBe(status)
  }
})

test('without a JIT, the error is JSON with --json', async () => {
  using pool = await testPool(1)
  const failed = await pool.sh(`${WITHOUT_JIT} "$CHG" run -j -- true`)
  expect(failureOf(failed)).toMatchObject({ status: 125, code: 'failure' })
})

test('without a JIT, --help and --version work', async () => {
  using pool = await testPool(0)
  expect((await pool.sh(`${WITHOUT_JIT} "$CHG" run --help`)).stdout).toStartWith('Usage: canhazgpu run')
  expect((await pool.sh(`${WITHOUT_JIT} "$CHG" --version`)).stdout).toMatch(
    /^\d+\.\d+\.\d+( \([0-9a-f]+(-dirty)?\))?\n$/,
  )
})
