import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nvidiaSmiProvider } from '../../../../src/adapters/gpu/nvidia/nvidia-smi.ts'
import { failure } from '../provider-contract.ts'
import { nvidiaSmiFiles, programEnvironment } from '../simulated-drivers.ts'
import { EIGHT_H100, withProcesses } from '../simulated-machine.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'canhazgpu-smi-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function simulate(files: Readonly<Record<string, string>>, machine = EIGHT_H100) {
  const place = await mkdtemp(join(folder, 'machine-'))
  return nvidiaSmiProvider(
    await programEnvironment('nvidia-smi', { ...nvidiaSmiFiles(machine), ...files }, place),
  )
}
const probe = async (...args: Parameters<typeof simulate>) =>
  (await (await simulate(...args)).probe(20_000)).readings

describe('nvidia-smi', () => {
  test('is queried again for the fields that an old driver supports', async () => {
    const old = nvidiaSmiFiles(EIGHT_H100)['gpus.tsv'] ?? ''
    const [gpu] = await probe({ 'gpus.tsv': old.replace('mig.mode.current', 'unheard.of') })
    const minimal = { kind: 'measured', memoryUsedMb: 4, memoryTotalMb: 81559, processes: [] }
    const more = { utilizationPercent: 0, temperatureC: 30, powerW: 70.25 }
    expect(gpu?.state).toMatchObject({ ...minimal, ...more })
    const [older] = await probe({
      'gpus.tsv': old.replace('power.draw', 'unheard.of').replace('gpu_recovery', 'x'),
    })
    expect(older?.state).toMatchObject(minimal)
    const nameless =
      "case $1 in --query-gpu=*action*) echo 'it is not a valid field to query'; exit 2 ;; esac"
    const [oldest] = await probe({ 'first.sh': nameless })
    expect(oldest?.state).toStrictEqual(minimal as NonNullable<typeof gpu>['state'])
  })

  test('gives no idle GPU if processes belong to a GPU or instance that it does not list', async () => {
    const read = async (uuid: string, mig: string, used: string, app: string) => {
      const row = `0, 0000:1B:00.0, ${uuid}, ${used}, 81559, 0, 34, 70.25, ${mig}, NVIDIA A100`
      const apps = `${app}, 4194305, 700, python3`
      const answer = `case $1 in --query-gpu=*) echo '${row}' ;; -L) exit 3 ;; *) echo '${apps}' ;; esac; exit 0`
      return (await probe({ 'first.sh': answer }))[0]?.state
    }
    const stray = { kind: 'fault', reason: expect.stringContaining('MIG-feb88891') }
    expect(await read('GPU-0', 'Enabled', '900', 'MIG-feb88891')).toMatchObject(stray)
    expect(await read('[N/A]', 'Disabled', '900', 'GPU-0')).toMatchObject({ kind: 'fault' })
    expect(await read('GPU-0', 'Disabled', '[N/A]', 'GPU-1')).toMatchObject({ kind: 'fault' })
    expect(await read('GPU-0', 'Disabled', '900', 'GPU-1')).toMatchObject({ memoryUsedMb: 900 })
  })

  test('may print fewer fields than the query asks for', async () => {
    const row = '0, 0000:1B:00.0, GPU-0, 4, 81559, 0, 34, 70.25, Disabled, NVIDIA H100'
    const [gpu] = await probe({ 'first.sh': `case $1 in --query-gpu=*) echo '${row}' ;; esac; exit 0` })
    expect(gpu?.state).toMatchObject({ kind: 'measured', memoryUsedMb: 4, temperatureC: 34 })
  })

  test('gives a fault if the GPU uses host memory and the list of processes fails', async () => {
    const memory = /MemTotal: +(\d+)/.exec(await Bun.file('/proc/meminfo').text())?.[1]
    const hostMb = Math.floor(Number(memory) / 1024)
    const row = (used: number | string, total: number | string) =>
      `0, 0000:1B:00.0, GPU-0, ${used}, ${total}, 0, 34, 70.25, Disabled, NVIDIA GB10`
    const read = async (gpu: string, apps: string) => {
      const answer = `case $1 in --query-gpu=*) echo '${gpu}'; exit 0 ;; *) ${apps} ;; esac`
      return (await probe({ 'first.sh': answer }))[0]?.state
    }
    for (const gpu of [row(90_000, hostMb), row(0, 0), row('[N/A]', '[N/A]'), row('N/A', 'Not Supported')]) {
      expect(await read(gpu, 'exit 0')).toMatchObject({ memoryUsedMb: 0, memoryBy: 'processes' })
      expect(await read(gpu, 'exit 3')).toMatchObject({ kind: 'fault' })
      const busy = await read(gpu, "echo 'GPU-0, 4194305, 26000, python3'; exit 0")
      expect(busy).toMatchObject({ memoryUsedMb: 26_000, processes: [{ memoryMb: 26_000 }] })
    }
    expect(await read(row(90_000, hostMb + 2), 'exit 0')).toMatchObject({ memoryUsedMb: 90_000 })
  })

  test('reports the other GPUs although it fails for a lost GPU', async () => {
    const lost =
      'Unable to determine the device handle for GPU1: 0000:2B:00.0: GPU is lost.  Reboot the system'
    const others = nvidiaSmiFiles(EIGHT_H100)['gpus.tsv']?.replace(/^1\t.*\n/m, '') ?? ''
    const readings = await probe({ 'gpus.tsv': others, 'last.sh': `echo '${lost}' >&2; exit 15` })
    expect(readings.map((gpu) => gpu.state.kind)).toEqual([
      'measured',
      'fault',
      ...Array.from({ length: 6 }, () => 'measured' as const),
    ])
  })

  test('lists processes although it fails for a lost GPU', async () => {
    const list = 'GPU-0, 4194305, 370, ffmpeg\nUnable to determine the device handle for GPU1: GPU is lost'
    const rows = [0, 2]
      .map((i) => `${i}, 0000:${i}B:00.0, GPU-${i}, 400, 8192, 0, 34, 9, Disabled, X`)
      .join('\n')
    const answer = `case $1 in --query-gpu=*) cat <<'END'\n${rows}\nEND\n;; *) cat <<'END'\n${list}\nEND\n;; esac; exit 15`
    const states = (await probe({ 'first.sh': answer })).map((gpu) => gpu.state)
    expect(states).toMatchObject([{ processes: [{ memoryMb: 370 }] }, { memoryUsedMb: 400, processes: [] }])
  })

  test('reports all GPUs although it warns and fails', async () => {
    const warning = 'WARNING: infoROM is corrupted at gpu 0000:1B:00.0'
    expect(await probe({ 'last.sh': `echo '${warning}'; exit 14` })).toHaveLength(8)
  })

  test.each([
    [9, "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", 'modprobe nvidia'],
    [15, 'Unable to determine the device handle for GPU0000:1B:00.0: GPU is lost.', 'Reboot'],
    [255, 'Failed to initialize NVML: Unknown Error', 'docs/containers.md'],
    [255, 'Failed to initialize NVML: Insufficient Permissions', 'usermod -aG render,video'],
  ])('is a failed driver if it exits with %i', async (code, words, hint) => {
    const error = await failure(simulate({ 'first.sh': `cat <<'END'\n${words}\nEND\nexit ${code}` }))
    expect(error).toMatchObject({ code: 'driver-failed', hint: expect.stringContaining(hint) })
    expect(error.message).toBe(`nvidia-smi: ${words}`)
  })

  test('is killed if it never stops printing', async () => {
    const error = await failure(simulate({ 'first.sh': 'exec yes' }))
    expect(error).toMatchObject({ code: 'driver-failed', message: expect.stringContaining('4194304') })
  })

  test('finds the GPU of a MIG instance', async () => {
    const machine = withProcesses({ pid: 4_194_305, name: 'train', memoryMb: 100 })
    const uuid = machine.gpus[0]?.uuid ?? ''
    const readings = await probe(
      {
        'apps.tsv': nvidiaSmiFiles(machine)['apps.tsv']?.replace(uuid, 'MIG-feb88891') ?? '',
        'list.txt': `GPU 0: NVIDIA A100 (UUID: ${uuid})\n  MIG 1g.10gb Device 0: (UUID: MIG-feb88891)\n`,
      },
      machine,
    )
    expect(readings[0]?.state).toMatchObject({ processes: [{ pid: 4_194_305 }] })
  })
})
