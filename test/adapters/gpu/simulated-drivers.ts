import { chmod, copyFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { amdSmiProvider } from '../../../src/adapters/gpu/amd/amd-smi.ts'
import { fakeProvider } from '../../../src/adapters/gpu/fake/fake.ts'
import { nvidiaSmiProvider } from '../../../src/adapters/gpu/nvidia/nvidia-smi.ts'
import { nvmlProvider } from '../../../src/adapters/gpu/nvidia/nvml.ts'
import type { Environment } from '../../../src/adapters/gpu/run-program.ts'
import {
  type Behaviour,
  LATE_MS,
  type SimulatedDriver,
  type SimulatedGpu,
  type SimulatedMachine,
} from './simulated-machine.ts'

export const STAND_INS = join(import.meta.dir, '../../stand-ins')
const MIB = 1024 * 1024

const compiled = new Map<string, Promise<string>>()

/**
 * The stand-in library, compiled once into this folder.
 *
 * @param variant a macro of test/stand-ins/nvml.c
 */
export function compileLibrary(folder: string, variant = 'NEW_DRIVER'): Promise<string> {
  const library = join(folder, `libnvidia-ml-${variant}.so.1`)
  const before = compiled.get(library) ?? compile(library, variant)
  compiled.set(library, before)
  return before
}

async function compile(library: string, variant: string): Promise<string> {
  const source = join(STAND_INS, 'nvml.c')
  const gcc = Bun.spawn(['gcc', '-shared', '-fPIC', `-D${variant}`, '-o', library, source])
  if ((await gcc.exited) !== 0) throw new Error(`gcc cannot compile ${source}`)
  return library
}

/**
 * The environment in which the NVML provider loads the stand-in library with this script. The library is in the parent
 * of `folder`, so that several scripts share it.
 */
export async function nvmlEnvironment(
  script: string,
  folder: string,
  variant?: string,
): Promise<Environment> {
  const scenario = join(folder, 'nvml.txt')
  await writeFile(scenario, script)
  return {
    ...process.env,
    STANDIN_NVML: scenario,
    CANHAZGPU_NVML_LIBRARY: await compileLibrary(dirname(folder), variant),
  }
}

export const nvmlDriver: SimulatedDriver = {
  provider: 'nvml',
  needs: ['gcc'],
  // `rubbish` is missing, because a library returns values and no text.
  behaviours: ['late', 'hangs', 'crashes', 'mismatch'],
  reports: ['mig', 'recovery', 'unified'],
  simulate: async (machine, folder) => nvmlProvider(await nvmlEnvironment(nvmlScript(machine), folder)),
  withoutDriver: (folder) =>
    nvmlProvider({ ...process.env, CANHAZGPU_NVML_LIBRARY: join(folder, 'none.so.1') }),
}

const NVML_BEHAVIOURS: Readonly<Record<Behaviour, string>> = {
  answers: '',
  late: `delay ${LATE_MS}`,
  hangs: 'hang',
  crashes: 'crash',
  mismatch: 'init 18',
  rubbish: '',
}

export function nvmlScript(machine: SimulatedMachine): string {
  const facts = machine.gpus.flatMap((gpu, i) => [
    `gpu ${i} uuid ${gpu.uuid}`,
    `gpu ${i} name ${gpu.name}`,
    `gpu ${i} total ${gpu.totalMb * MIB}`,
    `gpu ${i} used ${gpu.usedMb * MIB}`,
    `gpu ${i} reserved ${500 * MIB}`,
    ...(gpu.utilizationPercent === undefined ? [] : [`gpu ${i} util ${gpu.utilizationPercent}`]),
    ...(gpu.temperatureC === undefined ? [] : [`gpu ${i} temp ${gpu.temperatureC}`]),
    ...(gpu.powerW === undefined ? [] : [`gpu ${i} power ${gpu.powerW * 1000}`]),
    ...(gpu.mig === undefined ? [] : [`gpu ${i} mig ${gpu.mig ? 1 : 0}`]),
    ...(gpu.fault === 'lost' ? [`gpu ${i} handle-error 15`] : []),
    ...(gpu.fault === 'unreadable-memory' ? [`gpu ${i} memory-error 999`] : []),
    ...(gpu.fault === 'unreadable-power' ? [`gpu ${i} power-error 16`] : []),
    ...(gpu.fault === 'needs-reset' ? [`gpu ${i} recovery 1`] : []),
    ...(gpu.unified ? [`gpu ${i} memory-error 3`] : []),
    ...(gpu.unlisted ? [`gpu ${i} processes-error 3`] : []),
    ...(gpu.processes ?? []).map(
      ({ pid, memoryMb }) => `process ${i} compute ${pid} ${memoryMb === undefined ? -1 : memoryMb * MIB}`,
    ),
  ])
  return [NVML_BEHAVIOURS[machine.behaviour ?? 'answers'], ...facts, ''].join('\n')
}

/** Copies the stand-in program into `folder`, which precedes the system's folders on the PATH. */
export async function programEnvironment(
  program: string,
  files: Readonly<Record<string, string>>,
  folder: string,
): Promise<Environment> {
  await copyFile(join(STAND_INS, program), join(folder, program))
  await chmod(join(folder, program), 0o755)
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)))
  return { PATH: `${folder}:/usr/bin:/bin` }
}

const MISMATCH =
  'Failed to initialize NVML: Driver/library version mismatch\\nNVML library version: 535.183\\n'
const PROGRAM_BEHAVIOURS: Readonly<Record<Behaviour, string>> = {
  answers: '',
  late: `sleep ${LATE_MS / 1000}`,
  hangs: 'exec sleep 600',
  crashes: 'kill -SEGV $$',
  mismatch: `printf '${MISMATCH}'; exit 18`,
  rubbish: `printf '\\033[31mSegmentation\\007 violation, 1, 2\\n'; exit 0`,
}

export const nvidiaSmiDriver: SimulatedDriver = {
  provider: 'nvidia-smi',
  behaviours: ['late', 'hangs', 'crashes', 'mismatch', 'rubbish'],
  reports: ['processNames', 'mig', 'recovery', 'unified'],
  simulate: async (machine, folder) =>
    nvidiaSmiProvider(await programEnvironment('nvidia-smi', nvidiaSmiFiles(machine), folder)),
  withoutDriver: (folder) => nvidiaSmiProvider({ PATH: join(folder, 'nowhere') }),
}

export function nvidiaSmiFiles(machine: SimulatedMachine): Record<string, string> {
  const gpus = machine.gpus.map((gpu, i) => nvidiaSmiRow(gpu, i))
  const fields = Object.keys(nvidiaSmiRow({ uuid: '', name: '', totalMb: 0, usedMb: 0 }, 0))
  const apps = machine.gpus.flatMap((gpu) =>
    (gpu.processes ?? []).map(({ pid, name, memoryMb }) =>
      [gpu.uuid, pid, name, memoryMb ?? '[N/A]'].join('\t'),
    ),
  )
  const unlisted = machine.gpus.some((gpu) => gpu.unlisted)
    ? "case $1 in --query-compute-apps=*) echo '[Not Supported]'; exit 3 ;; esac"
    : ''
  const none = machine.gpus.length === 0 ? "echo 'No devices were found'; exit 6" : ''
  return {
    'first.sh': PROGRAM_BEHAVIOURS[machine.behaviour ?? 'answers'] || none || unlisted,
    'gpus.tsv': [fields.join('\t'), ...gpus.map((row) => Object.values(row).join('\t')), ''].join('\n'),
    'apps.tsv': ['gpu_uuid\tpid\tprocess_name\tused_memory', ...apps, ''].join('\n'),
  }
}

function nvidiaSmiRow(gpu: SimulatedGpu, index: number): Record<string, string | number> {
  const reported = (value: number | string | undefined) =>
    gpu.fault === 'lost' ? '[GPU is lost]' : (value ?? '[N/A]')
  return {
    index,
    'pci.bus_id': `00000000:${(0x1b + 0x10 * index).toString(16).toUpperCase()}:00.0`,
    uuid: gpu.uuid,
    name: gpu.name,
    'memory.used':
      gpu.fault === 'unreadable-memory' ? '[Unknown Error]' : reported(gpu.unified ? undefined : gpu.usedMb),
    'memory.total': reported(gpu.unified ? undefined : gpu.totalMb),
    'utilization.gpu': reported(gpu.utilizationPercent),
    'temperature.gpu': reported(gpu.temperatureC),
    'power.draw':
      gpu.fault === 'unreadable-power' ? '[GPU requires reset]' : reported(gpu.powerW?.toFixed(2)),
    gpu_recovery_action: gpu.fault === 'needs-reset' ? 'Reset' : reported('None'),
    'mig.mode.current': reported(gpu.mig === undefined ? undefined : gpu.mig ? 'Enabled' : 'Disabled'),
  }
}

export const amdSmiDriver: SimulatedDriver = {
  provider: 'amd-smi',
  behaviours: ['late', 'hangs', 'crashes', 'mismatch', 'rubbish'],
  reports: ['processNames', 'unified'],
  simulate: async (machine, folder) =>
    amdSmiProvider(await programEnvironment('amd-smi', amdSmiFiles(machine), folder)),
  withoutDriver:
    Bun.which('amd-smi', { PATH: '/opt/rocm/bin' }) === null
      ? (folder) => amdSmiProvider({ PATH: join(folder, 'nowhere') })
      : undefined,
}

/** The output of ROCm 7. With `rocm: 6` it has bare arrays, and there is no `list -e`. */
export function amdSmiFiles(
  machine: SimulatedMachine,
  { rocm = 7 }: { readonly rocm?: number } = {},
): Record<string, string> {
  const print = (rows: readonly object[]) => JSON.stringify(rocm >= 7 ? { gpu_data: rows } : rows, null, 4)
  const list = machine.gpus.map(({ uuid }, gpu) => ({
    gpu,
    bdf: `0000:0${gpu}:00.0`,
    uuid,
    kfd_id: 45412 + gpu,
  }))
  const files = {
    'first.sh': PROGRAM_BEHAVIOURS[machine.behaviour ?? 'answers'],
    'list.json': print(list),
    'asic.json': print(
      machine.gpus.map(({ name }, gpu) => ({ gpu, asic: { market_name: name, vendor_id: '0x1002' } })),
    ),
    'metric.json': print(machine.gpus.map(amdSmiMetric)),
    // The one command whose answer is still a bare array in ROCm 7.
    'process.json': JSON.stringify(machine.gpus.map(amdSmiProcesses)),
  }
  if (rocm < 7) return files
  const enumeration = list.map((entry, i) => ({ ...entry, render: `renderD${128 + i}`, hip_id: i }))
  return { ...files, 'list-e.json': print(enumeration) }
}

function amdSmiMetric(gpu: SimulatedGpu, index: number): object {
  if (gpu.fault === 'lost') return { gpu: index, usage: 'N/A', mem_usage: 'Device lost', temperature: 'N/A' }
  const reported = (value: number | undefined, unit: string) =>
    value === undefined ? 'N/A' : { value, unit }
  return {
    gpu: index,
    usage: { gfx_activity: reported(gpu.utilizationPercent, '%'), umc_activity: 'N/A' },
    power: {
      socket_power: gpu.fault === 'unreadable-power' ? 'GPU requires reset' : reported(gpu.powerW, 'W'),
      gfx_voltage: { value: 780, unit: 'mV' },
    },
    temperature: { edge: 'N/A', hotspot: reported(gpu.temperatureC, 'C'), mem: 'N/A' },
    mem_usage: {
      total_vram: reported(gpu.unified ? undefined : gpu.totalMb, 'MB'),
      used_vram:
        gpu.fault === 'unreadable-memory'
          ? 'AMDSMI_STATUS_FILE_ERROR'
          : reported(gpu.unified ? undefined : gpu.usedMb, 'MB'),
    },
  }
}

function amdSmiProcesses(gpu: SimulatedGpu, index: number): object {
  const processes = (gpu.processes ?? []).map(({ pid, name, memoryMb }) => ({
    process_info: {
      name,
      pid,
      memory_usage: {
        gtt_mem: { value: 6180000, unit: 'B' },
        vram_mem: memoryMb === undefined ? 'N/A' : { value: memoryMb * MIB, unit: 'B' },
      },
      cu_occupancy: 'N/A',
    },
  }))
  if (gpu.unlisted) return { gpu: index, process_list: 'N/A' }
  const none = [{ process_info: 'No running processes detected' }]
  return { gpu: index, process_list: processes.length === 0 ? none : processes }
}

export const fakeDriver: SimulatedDriver = {
  provider: 'fake',
  behaviours: ['late', 'hangs', 'mismatch'],
  reports: ['processNames', 'mig'],
  simulate: async (machine, folder) => {
    const scenarioFile = join(folder, 'usage.json')
    await writeFile(scenarioFile, JSON.stringify(fakeScenario(machine)))
    return fakeProvider({ gpuCount: machine.gpus.length, scenarioFile })
  },
}

function fakeScenario({ gpus, behaviour }: SimulatedMachine): object {
  return {
    ...(behaviour === 'late' ? { delay_ms: LATE_MS } : {}),
    ...(behaviour === 'hangs' ? { hang: true } : {}),
    ...(behaviour === 'mismatch' ? { fail: 'Driver/library version mismatch' } : {}),
    gpus: Object.fromEntries(gpus.map((gpu, i) => [i, fakeGpu(gpu)])),
  }
}

function fakeGpu(gpu: SimulatedGpu): object {
  if (gpu.fault !== undefined) return { fault: `GPU is ${gpu.fault}` }
  const processes = gpu.processes ?? []
  return {
    uuid: gpu.uuid,
    name: gpu.name,
    memory_used_mb: gpu.usedMb,
    memory_total_mb: gpu.totalMb,
    utilization_percent: gpu.utilizationPercent,
    temperature_c: gpu.temperatureC,
    power_w: gpu.powerW,
    mig: gpu.mig,
    processes: processes.map(({ pid, name, memoryMb }) => ({
      pid,
      name: name.slice(name.lastIndexOf('/') + 1),
      memory_mb: memoryMb,
    })),
  }
}
