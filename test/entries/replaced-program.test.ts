import { expect, test } from 'bun:test'
import { copyFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { storedHistory } from '../support/database.ts'
import { child } from '../support/job.ts'
import { binary, finished, type TestPool, testPool } from '../support/pool.ts'
import { until } from '../support/until.ts'
import { storedQueue } from '../support/waiters.ts'

/** What happens to the file of a program while it waits. */
const CHANGES: Readonly<Record<string, (program: string) => void>> = {
  removed: (program) => rmSync(program),
  'replaced by a program that does not know its arguments': (program) => {
    writeFileSync(`${program}.new`, '#!/bin/sh\nexit 1\n', { mode: 0o755 })
    renameSync(`${program}.new`, program)
  },
}

for (const [change, makeChange] of Object.entries(CHANGES)) {
  test.concurrent(`the time limit of a run is enforced if its program was ${change} while it waited`, async () => {
    using pool = await testPool(1)
    const { program, waiter } = await waiterOf(pool)
    makeChange(program)
    await pool.chg('release')
    expect((await finished(waiter)).stdout).toBe('begun\n')
    const run = await until('the end is recorded', () =>
      storedHistory(pool).find((each) => each.kind === 'run'),
    )
    expect(run.outcome).toBe('timed-out')
  })
}

/** A run with a time limit, started from its own copy of the program. It waits for the only GPU. */
async function waiterOf(pool: TestPool) {
  const program = `${pool.folder}/canhazgpu`
  copyFileSync(binary, program)
  await pool.chg('reserve')
  const command = ['run', '--wait', '--timeout', '5s', '--grace', '1s', '--', 'sh', '-c']
  const waiter = Bun.spawn([program, ...command, `echo begun; exec ${child('forever')} > /dev/null`], {
    ...{ env: pool.env, cwd: pool.folder },
    ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
  } as const)
  await until('the waiter is in the queue', () => storedQueue(pool).length === 1)
  return { program, waiter }
}
