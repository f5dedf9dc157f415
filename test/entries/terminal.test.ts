import { expect, test } from 'bun:test'
import { storedHistory, storedPool } from '../support/database.ts'
import { child, untilAllFree } from '../support/job.ts'
import { inDaemonMode } from '../support/needs.ts'
import { type TestPool, testPool } from '../support/pool.ts'
import { hasEnded, kill, sessionOf, stateOf, supervisorsOf } from '../support/processes.ts'
import { CTRL_C, CTRL_Z, openShell } from '../support/terminal.ts'
import { until } from '../support/until.ts'

function runPid(pool: TestPool): number {
  const [run] = storedPool(pool).reservations
  if (run?.term.kind !== 'run') throw new Error('there is no run')
  return run.term.process.pid
}

test('Ctrl-C ends the command, as if it ran without canhazgpu', async () => {
  using pool = await testPool(1)
  using terminal = openShell(pool)
  terminal.type(`"$CHG" run -- ${child('forever')}\n`)
  await terminal.see('Reserved 1 GPU(s): [0] for command execution')
  await terminal.see('ready')
  terminal.type(CTRL_C)
  await terminal.see('prompt> ')
  terminal.type('echo "status $?"\n')
  await terminal.see('status 130')
  await untilAllFree(pool)
  expect(storedHistory(pool)).toMatchObject([{ outcome: 'exited' }])
})

test('Ctrl-C does not end a command that ignores it', async () => {
  using pool = await testPool(1)
  using terminal = openShell(pool)
  terminal.type(`"$CHG" run -- ${child('ignores-sigint')}; echo "status $?"\n`)
  await terminal.see('ready')
  terminal.type(CTRL_C)
  await terminal.see('^C')
  expect((await pool.status())[0]?.status).toBe('IN_USE')
  kill(runPid(pool), 'SIGTERM')
  await terminal.see('status 143')
})

test('Ctrl-Z stops the command and keeps its GPU; fg continues it', async () => {
  using pool = await testPool(1)
  using terminal = openShell(pool)
  terminal.type(`"$CHG" run -- sh -c 'echo "re""ady"; read line; echo "got $line"'\n`)
  await terminal.see('ready')
  const pid = runPid(pool)
  terminal.type(CTRL_Z)
  await terminal.see('Stopped')
  await terminal.see('prompt> ')
  await until('the command is stopped', () => stateOf(pid) === 'T')
  expect((await pool.status())[0]).toMatchObject({ status: 'IN_USE', type: 'RUN' })
  terminal.type('fg\n')
  await until('the command continues', () => stateOf(pid) === 'S')
  terminal.type('hello\n')
  await terminal.see('got hello')
  await terminal.see('prompt> ')
  await untilAllFree(pool)
})

test('a background job of a shell can be killed and waited for', async () => {
  using pool = await testPool(1)
  using terminal = openShell(pool)
  terminal.type(`"$CHG" run -- ${child('forever')} & echo "pid $!"\n`)
  await terminal.see('ready')
  expect(terminal.shown).toContain(`pid ${runPid(pool)}`)
  terminal.type('kill %1; wait %1; echo "status $?"\n')
  await terminal.see('status 143')
  await untilAllFree(pool)
})

test('closing the terminal ends the command and frees its GPU', async () => {
  using pool = await testPool(1)
  using terminal = openShell(pool)
  terminal.type(`"$CHG" run -- ${child('forever')}\n`)
  await terminal.see('ready')
  const pid = runPid(pool)
  terminal.hangUp()
  await until('the command has ended', () => hasEnded(pid))
  await until('the end is written', () => storedHistory(pool).length === 1)
  expect(storedHistory(pool)).toMatchObject([{ outcome: 'exited' }])
})

test('nohup: command, supervisor and reservation survive the terminal', async () => {
  using pool = await testPool(1)
  using terminal = openShell(pool)
  terminal.type(`nohup "$CHG" run -- ${child('forever')} > out 2>&1 &\n`)
  await until('the command runs', async () => {
    const out = Bun.file(`${pool.folder}/out`)
    return (await out.exists()) && (await out.text()).includes('ready')
  })
  const pid = runPid(pool)
  const isOfOwnSession = (supervisor: number) => sessionOf(supervisor) === supervisor
  if (!inDaemonMode) await until('its supervisor runs', () => supervisorsOf(pool).some(isOfOwnSession))
  const processes = [pid, ...supervisorsOf(pool)]
  terminal.hangUp()
  await terminal.process.exited
  expect((await pool.status())[0]).toMatchObject({ status: 'IN_USE', type: 'RUN' })
  expect(processes.filter(hasEnded)).toEqual([])
  kill(pid, 'SIGTERM')
  await until('they have ended', () => processes.every(hasEnded))
  await untilAllFree(pool)
  expect(storedPool(pool).reservations).toEqual([])
})
