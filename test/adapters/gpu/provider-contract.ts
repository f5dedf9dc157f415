import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import type { GpuReading, Probe } from '../../../src/domain/pool/model.ts'
import type { GpuProvider } from '../../../src/ports/driver.ts'
import { isRoot, needing } from '../../support/needs.ts'
import type { Box, Course, Stage } from './box.ts'
import * as boxes from './box.ts'
import { startProcess } from './users.ts'

/** Generous where an answer is expected: a loaded machine is no failure. */
const PATIENT_MS = 20_000
const IMPATIENT_MS = 200
/** Beyond the largest pid Linux gives (PID_MAX_LIMIT), so nobody's. */
const NOBODYS_PID = 4_194_305

/** What every provider promises, run on its driver as `stage` plays it. */
export function testProvider(stage: Stage): void {
  needing(...(stage.needs ?? [])).describe(stage.provider, () => {
    let folder: string
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'canhazgpu-gpu-'))
    })
    afterAll(() => rm(folder, { recursive: true, force: true }))

    const play = async (box: Box) => stage.play(box, await mkdtemp(join(folder, 'box-')))
    const probe = async (box: Box) => (await play(box)).probe(PATIENT_MS)
    const can = (course: Course) => (stage.courses.includes(course) ? test : notATest)

    test('reads every GPU of a server', async () => {
      const { provider, readings } = await probe(boxes.EIGHT_H100)
      expect(provider).toBe(stage.provider)
      expect(readings).toEqual(boxes.EIGHT_H100.gpus.map(asReading))
    })

    test('leaves out what a GPU does not tell', async () => {
      const { readings } = await probe(boxes.MIXED)
      expect(readings).toEqual(boxes.MIXED.gpus.map(asReading))
    })

    test('names the owners of processes', async () => {
      await using mine = await startProcess()
      await using theirs = await startProcess({ uid: isRoot ? 65534 : undefined })
      const box = boxes.withProcesses(
        { pid: mine.pid, name: '/usr/bin/sh', memoryMb: 5000 },
        { pid: theirs.pid, name: '/usr/bin/sh', memoryMb: 3996 },
      )
      const [first, second] = (await probe(box)).readings
      const described = { name: 'sh', command: mine.command }
      expect(processesOf(first)).toEqual([
        { pid: mine.pid, uid: mine.uid, user: mine.user, memoryMb: 5000, ...described },
        { pid: theirs.pid, uid: theirs.uid, user: theirs.user, memoryMb: 3996, ...described },
      ])
      expect(processesOf(second)).toEqual([])
    })

    test('keeps a process that cannot be seen from here', async () => {
      const { readings } = await probe(
        boxes.withProcesses({ pid: NOBODYS_PID, name: '/opt/my,odd/train', memoryMb: 8000 }),
      )
      const name = stage.tells.includes('processNames') ? 'train' : 'unknown'
      expect(processesOf(readings[0])).toEqual([{ pid: NOBODYS_PID, name, memoryMb: 8000 }])
    })

    test('keeps a process whose memory the driver does not tell', async () => {
      const { readings } = await probe(boxes.withProcesses({ pid: NOBODYS_PID, name: 'train' }))
      expect(processesOf(readings[0])).toEqual([{ pid: NOBODYS_PID, name: expect.any(String) }])
    })

    test('reports a lost GPU as that GPU’s fault', async () => {
      const { readings } = await probe(boxes.LOST)
      expect(readings.map((gpu) => [gpu.index, gpu.state.kind])).toEqual([
        [0, 'measured'],
        [1, 'fault'],
        [2, 'measured'],
      ])
      expect(readings[1]?.state).toMatchObject({ reason: expect.stringContaining('lost') })
    })

    test('never takes a GPU of unknown memory for an idle one', async () => {
      const { readings } = await probe(boxes.MUTE)
      expect(readings[1]?.state).toEqual({ kind: 'fault', reason: expect.stringMatching(/./) })
    })

    test('takes a complaint in any reading for a fault', async () => {
      const { readings } = await probe(boxes.AILING)
      const kinds = readings.map((gpu) => gpu.state.kind)
      expect(kinds).toEqual(['measured', 'fault'])
    })

    const tellsOfRecovery = stage.tells.includes('recovery') ? test : notATest
    tellsOfRecovery('takes a GPU that needs a reset for faulty, though it reads well', async () => {
      const { readings } = await probe(boxes.RECOVERY)
      expect(readings[0]?.state.kind).toBe('measured')
      expect(readings[1]?.state).toEqual({ kind: 'fault', reason: expect.stringMatching(/reset/i) })
    })

    const tellsOfUnified = stage.tells.includes('unified') ? test : notATest
    tellsOfUnified('judges a GPU without memory of its own by its processes', async () => {
      const idle = await probe(boxes.unified())
      expect(idle.readings[0]?.state).toMatchObject({ memoryUsedMb: 0, memoryBy: 'processes' })
      const busy = await probe(boxes.unified({ pid: NOBODYS_PID, name: 'train', memoryMb: 26_000 }))
      expect(busy.readings[0]?.state).toMatchObject({ memoryUsedMb: 26_000, memoryBy: 'processes' })
    })

    tellsOfUnified('takes a GPU of unknown memory and unknown processes for faulty', async () => {
      expect((await probe(boxes.UNIFIED_UNLISTED)).readings[0]?.state.kind).toBe('fault')
      expect((await probe(boxes.UNLISTED)).readings[0]?.state).toMatchObject({
        memoryUsedMb: 4,
        processes: [],
      })
    })

    const tellsOfMig = stage.tells.includes('mig') ? test : notATest
    tellsOfMig('marks a GPU in MIG mode', async () => {
      const { readings } = await probe(boxes.MIG)
      expect(readings).toEqual(boxes.MIG.gpus.map(asReading))
    })

    // The fake has as many as the pool.
    const canBeWithoutGpu = stage.provider === 'fake' ? notATest : test
    canBeWithoutGpu('says so where there is not one GPU', async () => {
      expect(await failure(play({ gpus: [] }))).toMatchObject({ code: 'driver-failed' })
    })

    can('late')('waits for a slow driver', async () => {
      const { readings } = await probe({ ...boxes.EIGHT_H100, course: 'late' })
      expect(readings).toHaveLength(8)
    })

    can('hangs')('gives up on a driver that hangs', async () => {
      const error = await failure(play({ ...boxes.EIGHT_H100, course: 'hangs' }), IMPATIENT_MS)
      expect(error.code).toBe('driver-unresponsive')
      expect(error.message).toMatch(/did not answer within 0\.2 s$/)
      expect(error.hint).toContain('--probe-timeout')
    })

    can('crashes')('survives a driver that crashes', async () => {
      const error = await failure(play({ ...boxes.EIGHT_H100, course: 'crashes' }))
      expect(error).toMatchObject({ code: 'driver-failed', message: expect.stringContaining('SIGSEGV') })
    })

    can('mismatch')('passes on why the driver fails, with what to do', async () => {
      const error = await failure(play({ ...boxes.EIGHT_H100, course: 'mismatch' }))
      expect(error).toMatchObject({ code: 'driver-failed', hint: expect.stringContaining('reboot') })
      expect(error.message).toContain('Driver/library version mismatch')
    })

    can('rubbish')('refuses what it does not understand', async () => {
      const error = await failure(play({ ...boxes.EIGHT_H100, course: 'rubbish' }))
      expect(error.code).toBe('driver-failed')
    })

    const bare = stage.withoutDriver
    const canBeMissing = bare === undefined ? notATest : test
    canBeMissing('says so where the driver is not installed', async () => {
      expect(await failure(Promise.resolve(bare?.(folder)).then(present))).toMatchObject({
        code: 'driver-missing',
      })
    })
  })
}

/** For what a driver cannot do at all: nothing is skipped, there is nothing to test. */
function notATest(): void {}

/** The error of a probe: always one of ours, in one line. */
export async function failure(
  provider: Promise<GpuProvider>,
  deadlineMs = PATIENT_MS,
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

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('absent')
  return value
}

function asReading(gpu: boxes.BoxGpu, index: number): GpuReading {
  const { uuid, name, usedMb, totalMb, utilizationPercent, temperatureC, powerW, mig } = gpu
  const told = Object.entries({ utilizationPercent, temperatureC, powerW, mig })
  return {
    index,
    uuid,
    name,
    state: {
      kind: 'measured',
      memoryUsedMb: usedMb,
      memoryTotalMb: totalMb,
      processes: [],
      ...Object.fromEntries(told.filter(([, value]) => value !== undefined)),
    },
  }
}

function processesOf(gpu: GpuReading | undefined) {
  return gpu?.state.kind === 'measured' ? gpu.state.processes : undefined
}
