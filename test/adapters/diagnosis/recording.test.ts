import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { recordDrivers } from '../../../src/adapters/diagnosis/recording.ts'
import { openProvider } from '../../../src/adapters/gpu/provider.ts'
import type { Environment } from '../../../src/adapters/gpu/run-program.ts'
import type { ProviderName } from '../../../src/domain/pool/model.ts'
import { needing } from '../../support/needs.ts'
import {
  amdSmiFiles,
  nvidiaSmiFiles,
  nvmlEnvironment,
  nvmlScript,
  programEnvironment,
} from '../gpu/simulated-drivers.ts'
import { EIGHT_H100, type SimulatedMachine, withProcesses } from '../gpu/simulated-machine.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(`${tmpdir()}/canhazgpu-recording-`)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const newFolder = (): string => mkdtempSync(`${folder}/driver-`)

const NO_NVML = { CANHAZGPU_NVML_LIBRARY: '/nowhere/none.so.1' }

/** What the provider makes of a driver: its readings, or its error. */
async function read(provider: ProviderName, env: Environment) {
  try {
    return (await openProvider(provider, { gpuCount: 0, env }).probe(20_000)).readings
  } catch (error) {
    return error
  }
}

/** The files of one driver, as a bug report has them. */
async function recorded(provider: ProviderName, env: Environment): Promise<Record<string, string>> {
  const files = await recordDrivers(env, 20_000)
  const own = Object.entries(files).filter(([path]) => path.startsWith(`${provider}/`))
  return Object.fromEntries(own.map(([path, text]) => [path.slice(provider.length + 1), text]))
}

const BUSY: SimulatedMachine = withProcesses(
  { pid: 4_194_305, name: '/usr/bin/python3, -m train', memoryMb: 30_000 },
  { pid: 4_194_306, name: 'ffmpeg' },
)
const [first, ...others] = EIGHT_H100.gpus
const MACHINES: readonly (readonly [string, SimulatedMachine])[] = [
  ['idle', EIGHT_H100],
  ['busy', BUSY],
  [
    'a faulty GPU',
    { gpus: [...others, ...(first === undefined ? [] : [{ ...first, fault: 'needs-reset' as const }])] },
  ],
  ['no list of processes', { gpus: EIGHT_H100.gpus.map((gpu) => ({ ...gpu, unlisted: true })) }],
  ['no memory of its own', { gpus: EIGHT_H100.gpus.slice(0, 1).map((gpu) => ({ ...gpu, unified: true })) }],
]

describe.each(MACHINES)('%s: the recorded files replay what the driver answered', (_, machine) => {
  test('nvidia-smi', async () => {
    const env = {
      ...(await programEnvironment('nvidia-smi', nvidiaSmiFiles(machine), newFolder())),
      ...NO_NVML,
    }
    const files = await recorded('nvidia-smi', env)
    const replayed = await programEnvironment('nvidia-smi', files, newFolder())
    expect(await read('nvidia-smi', replayed)).toEqual(await read('nvidia-smi', env))
  })

  test('amd-smi', async () => {
    for (const rocm of [6, 7]) {
      const env = {
        ...(await programEnvironment('amd-smi', amdSmiFiles(machine, { rocm }), newFolder())),
        ...NO_NVML,
      }
      const files = await recorded('amd-smi', env)
      const replayed = await programEnvironment('amd-smi', files, newFolder())
      expect(await read('amd-smi', replayed)).toEqual(await read('amd-smi', env))
    }
  })

  needing('gcc').test('NVML', async () => {
    const env = await nvmlEnvironment(nvmlScript(machine), newFolder())
    const { 'nvml.txt': script = '' } = await recorded('nvml', env)
    const replayed = await nvmlEnvironment(script, newFolder())
    const [was, is] = [await read('nvml', env), await read('nvml', replayed)]
    const withoutReasons = (value: unknown) => JSON.stringify(value).replace(/"reason":"[^"]*"/g, '"reason"')
    expect(withoutReasons(is)).toBe(withoutReasons(was))
  })
})

test('a failure of the whole driver is replayed with its message', async () => {
  for (const behaviour of ['mismatch', 'rubbish'] as const) {
    const machine = { ...EIGHT_H100, behaviour }
    const env = {
      ...(await programEnvironment('nvidia-smi', nvidiaSmiFiles(machine), newFolder())),
      ...NO_NVML,
    }
    const files = await recorded('nvidia-smi', env)
    expect(files['answers.txt']).toContain('$ nvidia-smi --query-gpu=')
    if (behaviour === 'rubbish') continue
    const replayed = await programEnvironment('nvidia-smi', files, newFolder())
    expect(await read('nvidia-smi', replayed)).toEqual(await read('nvidia-smi', env))
  }
})

test('a lost GPU, about which nvidia-smi complains beside the rows of the others', async () => {
  const lost = 'Unable to determine the device handle for GPU1: 0000:2B:00.0: GPU is lost.  Reboot the system'
  const gpus = nvidiaSmiFiles(EIGHT_H100)['gpus.tsv']?.replace(/^1\t.*\n/m, '') ?? ''
  const files = { ...nvidiaSmiFiles(EIGHT_H100), 'gpus.tsv': gpus, 'last.sh': `echo '${lost}' >&2; exit 15` }
  const env = { ...(await programEnvironment('nvidia-smi', files, newFolder())), ...NO_NVML }
  const replayed = await programEnvironment('nvidia-smi', await recorded('nvidia-smi', env), newFolder())
  expect(await read('nvidia-smi', replayed)).toEqual(await read('nvidia-smi', env))
})

test('a driver that hangs has its question without an answer, and one that is not installed has no files', async () => {
  const machine = { ...EIGHT_H100, behaviour: 'hangs' as const }
  const env = {
    ...(await programEnvironment('nvidia-smi', nvidiaSmiFiles(machine), newFolder())),
    ...NO_NVML,
  }
  const files = await recordDrivers(env, 500)
  expect(files['nvidia-smi/answers.txt']).toContain('(no answer)')
  expect(Object.keys(files).filter((path) => !path.startsWith('nvidia-smi/'))).toEqual([])
})
