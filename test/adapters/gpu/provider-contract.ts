import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import type { GpuReading, Probe } from '../../../src/domain/pool/model.ts'
import type { GpuProvider } from '../../../src/ports/driver.ts'
import { isRoot, needing } from '../../support/needs.ts'
import { startProcess } from './running-process.ts'
import type { Behaviour, SimulatedDriver, SimulatedMachine } from './simulated-machine.ts'
import * as machines from './simulated-machine.ts'

/** For tests that expect an answer: a slow machine must not fail the test. */
const LONG_DEADLINE_MS = 20_000
const SHORT_DEADLINE_MS = 200
/** Above the largest pid of Linux (PID_MAX_LIMIT), so no process has it. */
const UNUSED_PID = 4_194_305

/** The guarantees of every provider, tested on its simulated driver. */
export function testProvider(driver: SimulatedDriver): void {
  needing(...(driver.needs ?? [])).describe(driver.provider, () => {
    let folder: string
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'canhazgpu-gpu-'))
    })
    afterAll(() => rm(folder, { recursive: true, force: true }))

    const simulate = async (machine: SimulatedMachine) =>
      driver.simulate(machine, await mkdtemp(join(folder, 'machine-')))
    const probe = async (machine: SimulatedMachine) => (await simulate(machine)).probe(LONG_DEADLINE_MS)
    const can = (behaviour: Behaviour) => (driver.behaviours.includes(behaviour) ? test : notATest)

    test('reads every GPU of a server', async () => {
      const { provider, readings } = await probe(machines.EIGHT_H100)
      expect(provider).toBe(driver.provider)
      expect(readings).toEqual(machines.EIGHT_H100.gpus.map(asReading))
    })

    test('omits readings that a GPU does not report', async () => {
      const { readings } = await probe(machines.MIXED)
      expect(readings).toEqual(machines.MIXED.gpus.map(asReading))
    })

    test('names the owners of processes', async () => {
      await using mine = await startProcess()
      await using theirs = await startProcess({ uid: isRoot ? 65534 : undefined })
      const machine = machines.withProcesses(
        { pid: mine.pid, name: '/usr/bin/sh', memoryMb: 5000 },
        { pid: theirs.pid, name: '/usr/bin/sh', memoryMb: 3996 },
      )
      const [first, second] = (await probe(machine)).readings
      const described = { name: 'sh', command: mine.command }
      expect(processesOf(first)).toEqual([
        { pid: mine.pid, uid: mine.uid, user: mine.user, memoryMb: 5000, ...described },
        { pid: theirs.pid, uid: theirs.uid, user: theirs.user, memoryMb: 3996, ...described },
      ])
      expect(processesOf(second)).toEqual([])
    })

    test('keeps a process that is not visible from here', async () => {
      const { readings } = await probe(
        machines.withProcesses({ pid: UNUSED_PID, name: '/opt/my,odd/train', memoryMb: 8000 }),
      )
      const name = driver.reports.includes('processNames') ? 'train' : 'unknown'
      expect(processesOf(readings[0])).toEqual([{ pid: UNUSED_PID, name, memoryMb: 8000 }])
    })

    test('keeps a process whose memory the driver does not report', async () => {
      const { readings } = await probe(machines.withProcesses({ pid: UNUSED_PID, name: 'train' }))
      expect(processesOf(readings[0])).toEqual([{ pid: UNUSED_PID, name: expect.any(String) }])
    })

    test('reports a lost GPU as a fault of that GPU', async () => {
      const { readings } = await probe(machines.LOST)
      expect(readings.map((gpu) => [gpu.index, gpu.state.kind])).toEqual([
        [0, 'measured'],
        [1, 'fault'],
        [2, 'measured'],
      ])
      expect(readings[1]?.state).toMatchObject({ reason: expect.stringContaining('lost') })
    })

    test('never shows a GPU of unknown memory as idle', async () => {
      const { readings } = await probe(machines.UNREADABLE_MEMORY)
      expect(readings[1]?.state).toEqual({ kind: 'fault', reason: expect.stringMatching(/./) })
    })

    test('treats a complaint in any reading as a fault', async () => {
      const { readings } = await probe(machines.UNREADABLE_POWER)
      const kinds = readings.map((gpu) => gpu.state.kind)
      expect(kinds).toEqual(['measured', 'fault'])
    })

    const reportsRecovery = driver.reports.includes('recovery') ? test : notATest
    reportsRecovery('shows a GPU that needs a reset as faulty even if all readings are valid', async () => {
      const { readings } = await probe(machines.NEEDS_RESET)
      expect(readings[0]?.state.kind).toBe('measured')
      expect(readings[1]?.state).toEqual({ kind: 'fault', reason: expect.stringMatching(/reset/i) })
    })

    const reportsUnified = driver.reports.includes('unified') ? test : notATest
    reportsUnified('judges a GPU without memory of its own by its processes', async () => {
      const idle = await probe(machines.unified())
      expect(idle.readings[0]?.state).toMatchObject({ memoryUsedMb: 0, memoryBy: 'processes' })
      const busy = await probe(machines.unified({ pid: UNUSED_PID, name: 'train', memoryMb: 26_000 }))
      expect(busy.readings[0]?.state).toMatchObject({ memoryUsedMb: 26_000, memoryBy: 'processes' })
    })

    reportsUnified('shows a GPU of unknown memory and unknown processes as faulty', async () => {
      expect((await probe(machines.UNIFIED_UNLISTED)).readings[0]?.state.kind).toBe('fault')
      expect((await probe(machines.UNLISTED)).readings[0]?.state).toMatchObject({
        memoryUsedMb: 4,
        processes: [],
      })
    })

    const reportsMig = driver.reports.includes('mig') ? test : notATest
    reportsMig('marks a GPU in MIG mode', async () => {
      const { readings } = await probe(machines.MIG)
      expect(readings).toEqual(machines.MIG.gpus.map(asReading))
    })

    // The fake provider has as many GPUs as the pool.
    const canBeWithoutGpu = driver.provider === 'fake' ? notATest : test
    canBeWithoutGpu('reports that there is no GPU', async () => {
      expect(await failure(simulate({ gpus: [] }))).toMatchObject({ code: 'driver-failed' })
    })

    can('late')('waits for a slow driver', async () => {
      const { readings } = await probe({ ...machines.EIGHT_H100, behaviour: 'late' })
      expect(readings).toHaveLength(8)
    })

    can('hangs')('gives up on a driver that hangs', async () => {
      const error = await failure(simulate({ ...machines.EIGHT_H100, behaviour: 'hangs' }), SHORT_DEADLINE_MS)
      expect(error.code).toBe('driver-unresponsive')
      expect(error.message).toContain(`${SHORT_DEADLINE_MS / 1000} s`)
      expect(error.hint).toContain('--probe-timeout')
    })

    can('crashes')('reports that the driver crashed', async () => {
      const error = await failure(simulate({ ...machines.EIGHT_H100, behaviour: 'crashes' }))
      expect(error).toMatchObject({ code: 'driver-failed', message: expect.stringContaining('SIGSEGV') })
    })

    can('mismatch')('reports why the driver fails, and the remedy', async () => {
      const error = await failure(simulate({ ...machines.EIGHT_H100, behaviour: 'mismatch' }))
      expect(error).toMatchObject({ code: 'driver-failed', hint: expect.stringContaining('reboot') })
      expect(error.message).toContain('Driver/library version mismatch')
    })

    can('rubbish')('rejects output that it does not understand', async () => {
      const error = await failure(simulate({ ...machines.EIGHT_H100, behaviour: 'rubbish' }))
      expect(error.code).toBe('driver-failed')
    })

    const bare = driver.withoutDriver
    const canBeMissing = bare === undefined ? notATest : test
    canBeMissing('reports that the driver is not installed', async () => {
      expect(await failure(Promise.resolve(bare?.(folder)).then(defined))).toMatchObject({
        code: 'driver-missing',
      })
    })
  })
}

/** For facts that a driver cannot report: nothing is skipped, because there is nothing to test. */
function notATest(): void {}

/** The error of a probe. Fails unless it is one of ours, in one line, with a hint. */
export async function failure(
  provider: Promise<GpuProvider>,
  deadlineMs = LONG_DEADLINE_MS,
): Promise<CanhazgpuError> {
  const error: unknown = await (await provider).probe(deadlineMs).then(
    (probe: Probe) => new Error(`answered ${JSON.stringify(probe)}`),
    (reason: unknown) => reason,
  )
  if (!(error instanceof CanhazgpuError)) throw error
  expect(error.message).not.toMatch(/\p{Cc}/u)
  expect(error.hint).toMatch(/./)
  return error
}

function defined<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('absent')
  return value
}

function asReading(gpu: machines.SimulatedGpu, index: number): GpuReading {
  const { uuid, name, usedMb, totalMb, utilizationPercent, temperatureC, powerW, mig } = gpu
  const reported = Object.entries({ utilizationPercent, temperatureC, powerW, mig })
  return {
    index,
    uuid,
    name,
    state: {
      kind: 'measured',
      memoryUsedMb: usedMb,
      memoryTotalMb: totalMb,
      processes: [],
      ...Object.fromEntries(reported.filter(([, value]) => value !== undefined)),
    },
  }
}

function processesOf(gpu: GpuReading | undefined) {
  return gpu?.state.kind === 'measured' ? gpu.state.processes : undefined
}
