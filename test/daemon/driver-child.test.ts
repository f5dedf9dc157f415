import { expect, test } from 'bun:test'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { compileLibrary, nvmlScript } from '../adapters/gpu/simulated-drivers.ts'
import { EIGHT_H100 } from '../adapters/gpu/simulated-machine.ts'
import { daemonPool } from '../support/daemon.ts'
import { failureOf } from '../support/failure.ts'
import { needing } from '../support/needs.ts'
import { kill } from '../support/processes.ts'
import { until } from '../support/until.ts'

const HEALTHY = nvmlScript(EIGHT_H100)
const TIMEOUT = ['--probe-timeout', '1s']

/** A daemon whose NVML can be changed while it is open. It kills a child that does not answer for this time. */
async function machine(timeout = '1s') {
  const pool = await daemonPool(0)
  const folder = `${pool.folder}/driver`
  mkdirSync(folder)
  const log = `${folder}/pids`
  const setDriver = (facts: string, first = '') =>
    writeFileSync(`${folder}/nvml.txt`, `live\n${first}log ${log}\n${facts}`)
  setDriver(HEALTHY)
  pool.env.CANHAZGPU_NVML_LIBRARY = await compileLibrary(folder)
  pool.env.CANHAZGPU_PROBE_TIMEOUT = timeout
  await pool.killDaemon()
  await pool.restart()
  const calls = () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').map(Number) : [])
  const isAlive = (pid: number) => existsSync(`/proc/${pid}`)
  return {
    ...{ pool, setDriver },
    /** The processes that have called NVML. */
    children: () => [...new Set(calls())],
    /** Those that are alive and have called it since this number of calls. */
    living: (since = 0) => [...new Set(calls().slice(since))].filter(isAlive),
    called: () => calls().length,
    [Symbol.dispose]() {
      for (const pid of calls().filter(isAlive)) kill(pid, 'SIGKILL')
      pool[Symbol.dispose]()
    },
  }
}

needing('gcc').describe('the child that asks the driver', () => {
  test('is the only one: an administrator’s check asks it too', async () => {
    using on = await machine()
    const { pool, children } = on
    expect((await pool.chg('admin', '--gpus', '8', '--provider', 'nvml')).status).toBe(0)
    await pool.status()
    const before = children()
    expect((await pool.chg('admin', '--check')).status).toBe(0)
    expect((await pool.chg('admin', '--refresh')).status).toBe(0)
    expect((await pool.chg('admin', '--gpus', '8', '--force')).status).toBe(0)
    await pool.status()
    expect(children()).toEqual(before)
  })

  test('ends with a daemon that is killed, also in a call that hangs', async () => {
    using on = await machine()
    const { pool, setDriver, children, living } = on
    await pool.chg('admin', '--gpus', '8', '--provider', 'nvml')
    await pool.status()
    const [child = 0] = children().slice(-1)
    setDriver('hang\n')
    const asking = pool.start('status', ...TIMEOUT)
    await until('it hangs', () => readFileSync(`/proc/${child}/wchan`, 'utf8').length > 0)
    await pool.killDaemon()
    await until('no child is left', () => living().length === 0)
    await pool.restart()
    await asking.exited
    expect(failureOf(await pool.chg('reserve', '--json', ...TIMEOUT)).code).toBe('driver-unresponsive')
    setDriver(HEALTHY)
    await until('it answers again', async () => (await pool.chg('reserve')).status === 0)
  })

  test('that cannot end is not joined by more and more of them when daemons are killed', async () => {
    using on = await machine('10m')
    const { pool, setDriver, called, living } = on
    await pool.chg('admin', '--gpus', '8', '--provider', 'nvml')
    const before = called()
    setDriver('hang\n', 'survive\n')
    for (let daemons = 0; daemons < 4; daemons++) {
      const asking = pool.chg('reserve', '--json', ...TIMEOUT)
      if (daemons < 2) await until('another child hangs', () => living(before).length > daemons)
      else expect(failureOf(await asking).code).toBe('driver-unresponsive')
      await pool.killDaemon()
      await pool.restart()
      await asking
    }
    expect(living(before)).toHaveLength(2)
    setDriver(HEALTHY)
    expect(failureOf(await pool.chg('reserve', '--json', ...TIMEOUT)).code).toBe('driver-unresponsive')
    for (const pid of living()) kill(pid, 'SIGKILL')
    await until('it answers again', async () => (await pool.chg('reserve')).status === 0)
  })
})
