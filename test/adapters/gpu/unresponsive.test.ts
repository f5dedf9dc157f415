import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chmod, mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '../../../src/adapters/gpu/run-program.ts'
import { needing } from '../../support/needs.ts'
import {
  amdSmiFiles,
  nvidiaSmiFiles,
  nvmlEnvironment,
  programEnvironment,
  STAND_INS,
} from './simulated-drivers.ts'
import { EIGHT_H100 } from './simulated-machine.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'canhazgpu-hang-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const DEADLINE_MS = '400'

/**
 * The outcome of a probe of a hanging driver, in its own process. Returns only if that process exits by itself, even if
 * a program that it cannot kill keeps the pipe open, like a program that hangs inside the kernel.
 */
async function outcome(provider: string, env: Environment, as: readonly string[] = []): Promise<string> {
  const command = [...as, process.execPath, join(STAND_INS, 'probe-once.ts'), provider, DEADLINE_MS]
  const child = Bun.spawn(command, { env: { ...process.env, ...env }, stdout: 'pipe', stderr: 'inherit' })
  const output = await new Response(child.stdout).text()
  expect(await child.exited).toBe(0)
  return output.trim()
}

/** A driver with a child that survives when the driver is killed. */
const withSurvivor = (name: string) => `sleep 600 & echo $! >> '${name}.left'; echo $$ >> '${name}.own'; wait`

async function pids(file: string): Promise<number[]> {
  return (await Bun.file(file).text()).trim().split('\n').map(Number)
}

for (const [program, files] of [
  ['nvidia-smi', nvidiaSmiFiles(EIGHT_H100)],
  ['amd-smi', amdSmiFiles(EIGHT_H100)],
] as const) {
  test(`a ${program} that cannot be killed does not block the probe`, async () => {
    const place = await mkdtemp(join(folder, 'machine-'))
    const name = join(place, 'pid')
    const env = await programEnvironment(program, { ...files, 'first.sh': withSurvivor(name) }, place)
    try {
      expect(await outcome(program, env)).toBe('driver-unresponsive')
      for (const pid of await pids(`${name}.own`)) await untilGone(pid)
    } finally {
      for (const pid of await pids(`${name}.left`)) process.kill(pid, 'SIGKILL')
    }
  })
}

/** Needs root: it starts a program that other users may not kill, and then becomes one of these users. */
needing('root', 'gcc').test('a program that cannot be killed is not waited for', async () => {
  const place = await mkdtemp(join(folder, 'machine-'))
  const program = join(place, 'nvidia-smi')
  const pause = join(STAND_INS, 'pause.c')
  expect(Bun.spawnSync(['gcc', '-o', program, pause]).exitCode).toBe(0)
  await chmod(program, 0o4755)
  for (const path of [folder, place]) await chmod(path, 0o755)
  const asNobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']
  try {
    expect(await outcome('nvidia-smi', { PATH: `${place}:/usr/bin:/bin` }, asNobody)).toBe(
      'driver-unresponsive',
    )
  } finally {
    for (const pid of await running(program)) process.kill(pid, 'SIGKILL')
  }
})

needing('gcc').test('an NVML that hangs does not block the probe', async () => {
  const place = await mkdtemp(join(folder, 'machine-'))
  expect(await outcome('nvml', await nvmlEnvironment('hang\n', place))).toBe('driver-unresponsive')
})

test('a fake driver that hangs does not block the probe', async () => {
  const usage = join(folder, 'usage.json')
  await writeFile(usage, '{"hang": true}')
  expect(await outcome('fake', { CANHAZGPU_FAKE_USAGE: usage })).toBe('driver-unresponsive')
})

test('a fake driver that is too slow does not block the probe', async () => {
  const usage = join(folder, 'slow.json')
  await writeFile(usage, '{"delay_ms": 600000}')
  expect(await outcome('fake', { CANHAZGPU_FAKE_USAGE: usage })).toBe('driver-unresponsive')
})

async function running(program: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const programs = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/exe`).catch(() => '')))
  return pids.filter((_, i) => programs[i] === program)
}

/** Waits until the process is gone. A zombie that its new parent has not reaped yet counts as gone. */
async function untilGone(pid: number): Promise<void> {
  for (;;) {
    const stat = await Bun.file(`/proc/${pid}/stat`)
      .text()
      .catch(() => null)
    if (stat === null || /\) [ZX] /.test(stat)) return
    await Bun.sleep(5)
  }
}
