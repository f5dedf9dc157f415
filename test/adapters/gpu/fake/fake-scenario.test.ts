import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fakeProvider } from '../../../../src/adapters/gpu/fake/fake.ts'
import { failure } from '../provider-contract.ts'
import { startProcess } from '../running-process.ts'

let folder: string
let scenarioFile: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'canhazgpu-fake-'))
  scenarioFile = join(folder, 'usage.json')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const provider = (gpuCount = 2) => fakeProvider({ gpuCount, scenarioFile })
const writeScenario = (scenario: unknown) => writeFile(scenarioFile, JSON.stringify(scenario))
const probe = async () => (await provider().probe(20_000)).readings

describe('the fake provider', () => {
  test('has as many idle GPUs as the pool', async () => {
    const { readings } = await fakeProvider({ gpuCount: 3 }).probe(20_000)
    expect(readings.map(({ index, uuid, name }) => [index, uuid, name])).toEqual([
      [0, 'GPU-fake-0', 'Fake GPU'],
      [1, 'GPU-fake-1', 'Fake GPU'],
      [2, 'GPU-fake-2', 'Fake GPU'],
    ])
    expect(readings[2]?.state).toEqual({
      kind: 'measured',
      memoryUsedMb: 0,
      memoryTotalMb: 81920,
      processes: [],
    })
  })

  test('reads its scenario at every probe', async () => {
    await writeScenario({ gpus: { 1: { memory_used_mb: 5 } } })
    const same = provider()
    await same.probe(20_000)
    await writeScenario({ gpus: { 1: { memory_used_mb: 6 } } })
    const { readings } = await same.probe(20_000)
    expect(readings.map((gpu) => gpu.state)).toMatchObject([{ memoryUsedMb: 0 }, { memoryUsedMb: 6 }])
  })

  test('simulates unreserved use, and adds up its memory unless the scenario sets the GPU’s', async () => {
    const process = {
      pid: 4_194_305,
      uid: 1002,
      user: 'bob',
      name: 'python3',
      memory_mb: 1024,
      command: 'python3 x',
    }
    await writeScenario({ gpus: { 0: { processes: [process] } } })
    const { memory_mb, ...others } = process
    expect((await probe())[0]?.state).toMatchObject({
      memoryUsedMb: 1024,
      processes: [{ ...others, memoryMb: memory_mb }],
    })
  })

  test('prefers the values of its scenario to those of a real process', async () => {
    await using real = await startProcess()
    await writeScenario({ gpus: { 0: { processes: [{ pid: real.pid, user: 'bob' }] } } })
    expect((await probe())[0]?.state).toMatchObject({
      processes: [{ pid: real.pid, uid: real.uid, user: 'bob', name: 'sh', command: real.command }],
    })
  })

  test('simulates a missing GPU', async () => {
    await writeScenario({ gpus: { 0: { missing: true } } })
    expect((await probe()).map((gpu) => gpu.index)).toEqual([1])
  })

  test.each([
    [{ gpu: {} }, 'gpu: unknown key'],
    [{ delay_ms: '5' }, 'delay_ms: expected number, got "5"'],
    [{ hang: 1 }, 'hang: expected boolean, got 1'],
    [{ gpus: { a: {} } }, 'gpus.a: expected a GPU id such as "0"'],
    [{ gpus: { 2: {} } }, 'gpus.2: expected an id from 0 to 1'],
    [{ gpus: { 0: { memory_used_mb: -1 } } }, 'gpus.0.memory_used_mb: expected >=0, got -1'],
    [
      { gpus: { 0: { processes: [{ user: 'x' }] } } },
      'gpus.0.processes.0.pid: expected "pid", got undefined',
    ],
    [{ gpus: { 0: { memory: 1 } } }, 'gpus.0.memory: unknown key'],
    [[], 'expected an object, got an array'],
    [null, 'the document: expected Object, got null'],
  ])('refuses %j', async (scenario, problem) => {
    await writeScenario(scenario)
    const error = await failure(Promise.resolve(provider()))
    expect(error.code).toBe('config-invalid')
    expect(error.message).toStartWith(`${scenarioFile}: `)
    expect(error.message).toContain(problem)
  })

  test('refuses invalid JSON', async () => {
    await writeFile(scenarioFile, 'gpus: {')
    const error = await failure(Promise.resolve(provider()))
    expect(error).toMatchObject({ code: 'config-invalid', message: expect.stringMatching(/\.json: .*JSON/) })
  })

  test('refuses a missing file', async () => {
    const absent = fakeProvider({ gpuCount: 1, scenarioFile: join(folder, 'absent.json') })
    const error = await failure(Promise.resolve(absent))
    expect(error).toMatchObject({ code: 'config-invalid', message: expect.stringContaining('absent.json') })
  })
})
