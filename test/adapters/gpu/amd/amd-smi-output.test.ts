import { describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { amdSmiProvider } from '../../../../src/adapters/gpu/amd/amd-smi.ts'
import { parseAmdSmi } from '../../../../src/adapters/gpu/amd/amd-smi-output.ts'
import { failure } from '../provider-contract.ts'
import { amdSmiFiles, programEnvironment, STAND_INS } from '../simulated-drivers.ts'
import { EIGHT_H100, type SimulatedMachine, withProcesses } from '../simulated-machine.ts'

async function simulate<T>(
  files: Readonly<Record<string, string>>,
  use: (provider: ReturnType<typeof amdSmiProvider>) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'canhazgpu-amd-'))
  try {
    return await use(amdSmiProvider(await programEnvironment('amd-smi', files, folder)))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
const probe = (files: Readonly<Record<string, string>>) =>
  simulate(files, async (provider) => (await provider.probe(20_000)).readings)
const fail = (files: Readonly<Record<string, string>>) =>
  simulate(files, (provider) => failure(Promise.resolve(provider)))

const documents = (machine: SimulatedMachine) => {
  const files = amdSmiFiles(machine)
  const read = (name: string) => files[name] ?? ''
  return {
    list: read('list.json'),
    asic: read('asic.json'),
    metric: read('metric.json'),
    process: read('process.json'),
  }
}

describe('amd-smi', () => {
  test('gives the same readings with ROCm 6 and ROCm 7', async () => {
    const machine = withProcesses({ pid: 4_194_305, name: 'train', memoryMb: 8000 })
    expect(await probe(amdSmiFiles(machine, { rocm: 6 }))).toEqual([...(await probe(amdSmiFiles(machine)))])
  })

  // Composed from the source of amd-smi (ROCm/rocm-systems, projects/amdsmi/amdsmi_cli) and public reports.
  test('reads two MI300X with ROCm 7', async () => {
    const read = (name: string) => Bun.file(join(STAND_INS, `amd-smi-rocm-7/${name}.json`)).text()
    const gpus = parseAmdSmi({
      list: await read('list'),
      asic: await read('asic'),
      metric: await read('metric'),
      process: await read('process'),
    })
    const card = { name: 'AMD Instinct MI300X' }
    const common = { kind: 'measured', memoryTotalMb: 196592 }
    const process = { pid: 4200002, name: '/usr/bin/python3.12', memoryMb: 61440 }
    const busy = {
      memoryUsedMb: 61723,
      utilizationPercent: 97,
      temperatureC: 66,
      powerW: 612,
      processes: [process],
    }
    const idle = { memoryUsedMb: 283, utilizationPercent: 0, temperatureC: 38, powerW: 134, processes: [] }
    expect(gpus).toEqual([
      { index: 0, uuid: 'c0ff74a1-0000-1000-8011-223344556677', ...card, state: { ...common, ...busy } },
      { index: 1, uuid: 'c1ff74a1-0000-1000-8011-8899aabbccdd', ...card, state: { ...common, ...idle } },
    ] as typeof gpus)
  })

  test('gives each GPU its HIP index', async () => {
    const reversed = { gpu_data: [0, 1].map((gpu) => ({ gpu, uuid: `uuid-${gpu}`, hip_id: 1 - gpu })) }
    const machine: SimulatedMachine = { gpus: EIGHT_H100.gpus.slice(0, 2) }
    const readings = await probe({ ...amdSmiFiles(machine), 'list-e.json': JSON.stringify(reversed) })
    expect(readings.map(({ index, uuid, state }) => [index, uuid, state])).toMatchObject([
      [0, 'uuid-1', { memoryUsedMb: 5 }],
      [1, 'uuid-0', { memoryUsedMb: 4 }],
    ])
  })

  test('is not understood if it lists a GPU twice', () => {
    const whole = documents(EIGHT_H100)
    expect(parseAmdSmi(whole)).toHaveLength(8)
    for (const name of ['list', 'metric'] as const) {
      const { gpu_data: gpus } = JSON.parse(whole[name])
      const twice = JSON.stringify({ gpu_data: [...gpus, gpus[0]] })
      expect(() => parseAmdSmi({ ...whole, [name]: twice })).toThrow(
        expect.objectContaining({ code: 'driver-failed' }),
      )
    }
  })

  test('gives no UUIDs if all parts of a card have the same one', () => {
    const whole = documents(EIGHT_H100)
    const list = whole.list.replaceAll(/"uuid": "[^"]*"/g, '"uuid": "card"')
    expect(new Set(parseAmdSmi({ ...whole, list }).map((gpu) => gpu.uuid))).toEqual(new Set(['']))
  })

  test('gives a fault for a number that is too large', () => {
    const whole = documents(EIGHT_H100)
    const metric = whole.metric
      .replaceAll(/"unit": "MB"/g, '"unit": "GB"')
      .replace(/"value": 4,/, '"value": 1e308,')
    expect(parseAmdSmi({ ...whole, metric })[0]?.state.kind).toBe('fault')
  })

  test('may print a warning before its answer', () => {
    const { list, ...others } = documents(EIGHT_H100)
    const warned = `WARNING: User is missing the following required groups: render, video\n\n${list}`
    expect(parseAmdSmi({ ...others, list: warned })).toHaveLength(8)
  })

  test('gives a fault for every GPU without metrics', () => {
    const { metric: _, ...others } = documents(EIGHT_H100)
    const gpus = parseAmdSmi({ ...others, metric: '[]' })
    expect(gpus.map((gpu) => gpu.state.kind)).toEqual(EIGHT_H100.gpus.map(() => 'fault' as const))
  })

  test('leaves out processes that only opened the driver', () => {
    const gpus = parseAmdSmi(documents(withProcesses({ pid: 1, name: 'other', memoryMb: 0 })))
    expect(gpus[0]?.state).toMatchObject({ processes: [] })
  })

  test('reports its own error', async () => {
    const error = await fail({ 'first.sh': `echo '{"error": "Driver not loaded", "code": 34}'; exit 34` })
    expect(error).toMatchObject({ code: 'driver-failed', message: 'amd-smi: Driver not loaded' })
  })

  test('reports the last line of a traceback', async () => {
    const traceback = 'Traceback (most recent call last):\n  File "x", line 1\nImportError: libamd_smi.so'
    const error = await fail({ 'first.sh': `cat >&2 <<'END'\n${traceback}\nEND\nexit 1` })
    expect(error.message).toBe('amd-smi: ImportError: libamd_smi.so')
  })

  test('may report some GPUs although it fails', async () => {
    expect(await probe({ ...amdSmiFiles(EIGHT_H100), 'first.sh': 'trap "exit 204" EXIT' })).toHaveLength(8)
  })
})
