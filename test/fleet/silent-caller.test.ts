import { expect } from 'bun:test'
import { existsSync } from 'node:fs'
import { storedPool } from '../support/database.ts'
import { testFleet, waitingCaller } from '../support/fleet.ts'
import { untilAllFree } from '../support/job.ts'
import { needing } from '../support/needs.ts'
import { kill, pidsWith, stateOf } from '../support/processes.ts'
import { until } from '../support/until.ts'

const silent = needing('ssh', 'sshd')

silent.test('a stopped connection: the waiter leaves the queue after 20 s', async () => {
  using fleet = await testFleet(1)
  const { pool } = fleet.host
  const caller = await waitingCaller(fleet, 'true')
  for (const pid of pidsWith(`CANHAZGPU_STORE=${fleet.caller.store}`))
    if (pid !== caller.pid) kill(pid, 'SIGSTOP')
  await until('it has left', () => storedPool(pool).queue.length === 0)
  expect(await caller.exited).toBe(69)
  expect(await new Response(caller.stderr).text()).toContain('Cannot reach gpu1: no answer for 20 s')
})

silent.test('a grant for a stopped caller is returned after 20 s, and its command never starts', async () => {
  using fleet = await testFleet(1)
  const { pool } = fleet.host
  const marker = `${fleet.caller.folder}/ran`
  const caller = await waitingCaller(fleet, 'touch', marker)
  kill(caller.pid, 'SIGSTOP')
  await until('it is stopped', () => stateOf(caller.pid) === 'T')
  await pool.chg('release')
  await until('the GPU is granted', () => storedPool(pool).reservations.length === 1)
  await untilAllFree(pool)
  kill(caller.pid, 'SIGCONT')
  expect(await caller.exited).toBe(69)
  expect(existsSync(marker)).toBe(false)
})
