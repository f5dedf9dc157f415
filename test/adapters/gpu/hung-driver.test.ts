import { describe, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, readFileSync } from 'node:fs'
import type { ProviderName } from '../../../src/domain/pool/model.ts'
import { failureOf } from '../../support/failure.ts'
import { needing } from '../../support/needs.ts'
import { type TestPool, testPool } from '../../support/pool.ts'
import { userForTests } from '../../support/unix-users.ts'
import { until } from '../../support/until.ts'
import { storedQueue } from '../../support/waiters.ts'
import {
  amdSmiFiles,
  nvidiaSmiFiles,
  nvmlEnvironment,
  nvmlScript,
  programEnvironment,
} from './simulated-drivers.ts'
import { EIGHT_H100 } from './simulated-machine.ts'

const HUNG = { ...EIGHT_H100, behaviour: 'hangs' } as const
const SHORT_TIMEOUT = ['--probe-timeout', '1s']
const LONG_TIMEOUT = ['--probe-timeout', '10m']

type Drivers = Readonly<Record<'working' | 'hung', Record<string, string | undefined>>>

const childrenOf = (pid: number): string => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')

/** The same machine twice, selected by environment: its driver works for one command and hangs for another. */
async function drivers(provider: ProviderName, pool: TestPool): Promise<Drivers> {
  const [working, hung] = ['working', 'hung'].map((name) => {
    mkdirSync(`${pool.folder}/drivers/${name}`, { recursive: true })
    return `${pool.folder}/drivers/${name}`
  }) as [string, string]
  switch (provider) {
    case 'nvml':
      return {
        working: await nvmlEnvironment(nvmlScript(EIGHT_H100), working),
        hung: await nvmlEnvironment(nvmlScript(HUNG), hung),
      }
    case 'nvidia-smi':
      return {
        working: await programEnvironment(provider, nvidiaSmiFiles(EIGHT_H100), working),
        hung: await programEnvironment(provider, nvidiaSmiFiles(HUNG), hung),
      }
    default:
      return {
        working: await programEnvironment('amd-smi', amdSmiFiles(EIGHT_H100), working),
        hung: await programEnvironment('amd-smi', amdSmiFiles(HUNG), hung),
      }
  }
}

needing('users', 'gcc').describe('a driver that hangs', () => {
  const alice = userForTests('alice')
  const bob = userForTests('bob')

  describe.each(['nvml', 'nvidia-smi', 'amd-smi'] as const)('%s', (provider) => {
    /** A pool of root, and a function that selects the driver for the next commands. */
    async function machine(): Promise<{ pool: TestPool; useDriver: (which: keyof Drivers) => void }> {
      const pool = await testPool(0)
      const both = await drivers(provider, pool)
      await pool.sh(`chmod -R a+rX ${pool.folder}`)
      chmodSync(pool.folder, 0o755)
      const { PATH: _, CANHAZGPU_STORE: __, ...inherited } = process.env
      const useDriver = (which: keyof Drivers) => {
        for (const [name, value] of Object.entries(both[which])) {
          if (value !== undefined && !(name in inherited)) pool.env[name] = value
        }
      }
      useDriver('working')
      const { status, stderr } = await pool.chg('admin', '--gpus', '8', '--provider', provider)
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      return { pool, useDriver }
    }

    test.concurrent('fails at the deadline, and no GPU is shown as idle', async () => {
      const { pool, useDriver } = await machine()
      using _ = pool
      expect((await bob.chg(pool, 'reserve')).status).toBe(0)
      useDriver('hung')
      const [text, json] = await Promise.all([
        alice.chg(pool, 'status', ...SHORT_TIMEOUT),
        alice.chg(pool, 'status', '--json', ...SHORT_TIMEOUT),
      ])
      const unresponsive = { code: 'driver-unresponsive', message: expect.stringContaining(' 1 s') }
      expect(failureOf(json)).toMatchObject({ ...unresponsive, status: 1 })
      expect(text).toMatchObject({ status: 1, stderr: expect.stringContaining(failureOf(json).message) })
      expect(text.stdout).toStartWith(`GPU 0: IN USE by ${bob.name}`)
      expect(text.stdout.match(/^GPU [1-7]: ERROR - .* 1 s.*$/gm)).toHaveLength(7)
      expect(text.stdout).not.toContain('AVAILABLE')
      const refused = [
        ['reserve', '--json', ...SHORT_TIMEOUT],
        ['reserve', '--json', '--gpu-ids', '3', ...SHORT_TIMEOUT],
        ['reserve', '--json', '--wait', ...SHORT_TIMEOUT],
        ['reserve', '--json', '--claim', ...SHORT_TIMEOUT],
        ['run', '--json', ...SHORT_TIMEOUT, '--', 'true'],
      ].map((args) => alice.chg(pool, ...args))
      const failures = (await Promise.all(refused)).map(failureOf)
      for (const each of failures) expect(each).toMatchObject(unresponsive)
      expect(failures.map(({ status }) => status)).toEqual([1, 1, 1, 1, 125])
    })

    test.concurrent('does not affect other users', async () => {
      const { pool, useDriver } = await machine()
      using _ = pool
      useDriver('hung')
      const hanging = [
        alice.start(pool, 'status', ...LONG_TIMEOUT),
        alice.start(pool, 'reserve', '--wait', ...LONG_TIMEOUT),
        alice.start(pool, 'run', ...LONG_TIMEOUT, '--', 'true'),
      ]
      useDriver('working')
      expect((await bob.chg(pool, 'reserve', '--gpus', '7')).stdout).toStartWith('Reserved 7 GPU(s)')
      expect((await bob.chg(pool, 'run', '--', 'sh', '-c', 'echo $CUDA_VISIBLE_DEVICES')).stdout).toBe('7\n')
      expect((await bob.chg(pool, 'status')).status).toBe(0)
      expect((await bob.chg(pool, 'queue')).stdout).toBe('Nobody is waiting\n')
      expect((await bob.chg(pool, 'release')).stdout).toBe('Released 7 GPU(s): [0, 1, 2, 3, 4, 5, 6]\n')
      expect((await bob.chg(pool, 'report')).status).toBe(0)
      for (const process of hanging) {
        expect(process.exitCode).toBeNull()
        process.kill('SIGKILL')
      }
    })

    test.concurrent('does not keep a waiter that gets Ctrl-C', async () => {
      const { pool, useDriver } = await machine()
      using _ = pool
      useDriver('hung')
      const waiter = alice.start(pool, 'reserve', '--wait', ...LONG_TIMEOUT)
      await until('it has started the driver', () => childrenOf(waiter.pid) !== '')
      waiter.kill('SIGINT')
      expect(await waiter.exited).toBe(130)
    })

    // One driver is enough: the test takes the ten seconds after which the waiter is skipped.
    if (provider === 'nvml')
      test.concurrent('of one waiter does not block the waiters behind it', async () => {
        const { pool, useDriver } = await machine()
        using _ = pool
        expect((await bob.chg(pool, 'reserve', '--gpus', '8')).status).toBe(0)
        // The driver of alice works when her request joins the queue, and hangs when it could start.
        await pool.sh(`cp -rp drivers/working drivers/alice`)
        for (const [name, value] of Object.entries(pool.env)) {
          pool.env[name] = value.replace('/drivers/working', '/drivers/alice')
        }
        const first = alice.start(pool, 'run', '--wait', '--gpus', '8', ...LONG_TIMEOUT, '--', 'true')
        await until('alice is in the queue', () => storedQueue(pool).length === 1)
        await pool.sh('cp -rpT drivers/hung drivers/alice')
        useDriver('working')
        const second = bob.start(pool, 'run', '--wait', '--gpus', '8', '--', 'true')
        await until('bob is in the queue', () => storedQueue(pool).length === 2)
        expect((await bob.chg(pool, 'release')).status).toBe(0)
        expect(await second.exited).toBe(0)
        expect(first.exitCode).toBeNull()
        expect(storedQueue(pool)).toHaveLength(1)
        first.kill('SIGKILL')
      })
  })
})
