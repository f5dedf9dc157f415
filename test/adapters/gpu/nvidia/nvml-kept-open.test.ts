import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { KeptChild } from '../../../../src/adapters/gpu/nvidia/nvml-kept-child.ts'
import { KeptOpenNvml, keptOpenNvmlProvider } from '../../../../src/adapters/gpu/nvidia/nvml-kept-open.ts'
import type { Environment } from '../../../../src/adapters/gpu/run-program.ts'
import { selfCommand } from '../../../../src/adapters/process/self.ts'
import { needing } from '../../../support/needs.ts'
import { until } from '../../../support/until.ts'
import { failure, testProvider } from '../provider-contract.ts'
import { nvmlDriver, nvmlEnvironment, nvmlScript, STAND_INS } from '../simulated-drivers.ts'
import { EIGHT_H100, LOST } from '../simulated-machine.ts'

/** Other tests of this account leave children behind on purpose. */
const NONE_LEFT = () => 0

const LONG_DEADLINE_MS = 20_000
const SHORT_DEADLINE_MS = 300
const HEALTHY = nvmlScript(EIGHT_H100)

// Each machine is probed twice, so that the second answer comes from an NVML that was already open.
testProvider({
  ...nvmlDriver,
  simulate: async (machine, folder) => {
    const nvml = keptOpenNvmlProvider(await nvmlEnvironment(nvmlScript(machine), folder), NONE_LEFT)
    return {
      probe: async (deadlineMs) => {
        try {
          await nvml.probe(deadlineMs)
          return await nvml.probe(deadlineMs)
        } finally {
          nvml.close()
        }
      },
    }
  },
})

needing('gcc').describe('an NVML that is kept open', () => {
  let suite: string
  beforeAll(() => {
    suite = mkdtempSync(`${tmpdir()}/canhazgpu-kept-`)
    chmodSync(suite, 0o755)
  })
  afterAll(() => rmSync(suite, { recursive: true, force: true }))

  /** A machine whose driver can be changed while NVML is open. */
  async function newMachine(start?: (env: Environment, folder: string) => KeptChild) {
    const folder = mkdtempSync(`${suite}/machine-`)
    const log = `${folder}/pids`
    const script = (facts: string) => `live\nlog ${log}\n${facts}`
    const env = await nvmlEnvironment(script(HEALTHY), folder)
    const nvml =
      start === undefined ? keptOpenNvmlProvider(env, NONE_LEFT) : new KeptOpenNvml(() => start(env, folder))
    return {
      ...{ nvml, env, folder },
      setDriver: (facts: string) => writeFileSync(`${folder}/nvml.txt`, script(facts)),
      probe: async (deadlineMs = LONG_DEADLINE_MS) => (await nvml.probe(deadlineMs)).readings,
      failure: (deadlineMs?: number) => failure(Promise.resolve(nvml), deadlineMs),
      /** The pid of each call of NVML, in order. */
      calls: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').map(Number) : []),
      [Symbol.dispose]: () => nvml.close(),
    }
  }

  const children = ({ calls }: { calls: () => number[] }) => [...new Set(calls())]

  test('answers a hundred probes from one process, each with current readings', async () => {
    using machine = await newMachine()
    for (let used = 1; used <= 100; used++) {
      machine.setDriver(`${HEALTHY}gpu 3 used ${used * 1024 * 1024}\n`)
      const state = (await machine.probe())[3]?.state
      expect(state).toMatchObject({ memoryUsedMb: used })
    }
    expect(children(machine)).toHaveLength(1)
  })

  test('kills the process of a call that hangs, and answers again when the driver does', async () => {
    using machine = await newMachine()
    await machine.probe()
    machine.setDriver('hang\n')
    expect(await machine.failure(SHORT_DEADLINE_MS)).toMatchObject({ code: 'driver-unresponsive' })
    const [hung = 0] = children(machine)
    await until('the process is gone', () => isGone(hung))
    machine.setDriver(HEALTHY)
    expect(await machine.probe()).toHaveLength(8)
    expect(children(machine)).toHaveLength(2)
  })

  test('waits for a driver that is slow', async () => {
    using machine = await newMachine()
    await machine.probe()
    machine.setDriver(`delay 500\n${HEALTHY}`)
    expect(await machine.probe()).toHaveLength(8)
    expect(children(machine)).toHaveLength(1)
  })

  test.each(['crash', 'half', 'init 18'])('asks a new process if the old one fails (%p)', async (fact) => {
    using machine = await newMachine()
    await machine.probe()
    machine.setDriver(`${fact}\n${HEALTHY}`)
    expect(await machine.failure()).toMatchObject({ code: 'driver-failed' })
    const [, second = 0, ...others] = children(machine)
    expect(others).toEqual([])
    await until('the second process is gone', () => isGone(second))
    machine.setDriver(HEALTHY)
    expect(await machine.probe()).toHaveLength(8)
  })

  test('answers after its idle process was killed', async () => {
    using machine = await newMachine()
    await machine.probe()
    const [first = 0] = children(machine)
    process.kill(first, 'SIGKILL')
    expect(await machine.probe()).toHaveLength(8)
    expect(children(machine)).toHaveLength(2)
  })

  test('opens NVML again if a GPU becomes faulty, and then after every tenth answer', async () => {
    using machine = await newMachine()
    for (let i = 0; i < 12; i++) await machine.probe()
    expect(children(machine)).toHaveLength(1)
    machine.setDriver(nvmlScript(LOST))
    expect((await machine.probe())[1]?.state.kind).toBe('fault')
    expect(children(machine)).toHaveLength(2)
    for (let i = 0; i < 8; i++) await machine.probe()
    expect(children(machine)).toHaveLength(2)
    for (let i = 0; i < 5; i++) await machine.probe()
    expect(children(machine)).toHaveLength(3)
  })

  test('opens NVML again if the driver has other GPUs', async () => {
    using machine = await newMachine((env, folder) => {
      const library = env.CANHAZGPU_NVML_LIBRARY ?? ''
      return new KeptChild(selfCommand(['__probes', 'nvml', library, `${folder}/gpus`]), env)
    })
    await machine.probe()
    mkdirSync(`${machine.folder}/gpus/0000:1b:00.0`, { recursive: true })
    expect(await machine.probe()).toHaveLength(8)
    await machine.probe()
    expect(children(machine)).toHaveLength(2)
  })

  test('ignores what the library prints', async () => {
    using machine = await newMachine()
    machine.setDriver(`print\n${HEALTHY}`)
    for (let i = 0; i < 3; i++) expect(await machine.probe()).toHaveLength(8)
    expect(children(machine)).toHaveLength(1)
  })

  test.each([
    ['idle', HEALTHY],
    ['hung', 'hang\n'],
  ])('ends its %s process when its parent is killed', async (_, facts) => {
    using machine = await newMachine()
    const parent = startProber(machine.env, [String(LONG_DEADLINE_MS)])
    expect(await parent.outcome()).toBe('8')
    machine.setDriver(facts)
    const before = machine.calls().length
    parent.ask()
    await until('it is asked again', () => machine.calls().length > before)
    const [child = 0] = children(machine)
    expect(isGone(child)).toBe(false)
    parent.kill()
    await until('it has ended', () => isGone(child))
  })

  /** Only root can start a program that other users may not kill, and then become one of these users. */
  needing('root').test('starts no third process while two cannot be killed', async () => {
    const folder = mkdtempSync(`${suite}/unkillable-`)
    chmodSync(folder, 0o755)
    const program = `${folder}/unkillable`
    expect(Bun.spawnSync(['gcc', '-o', program, `${STAND_INS}/pause.c`]).exitCode).toBe(0)
    chmodSync(program, 0o4755)
    const asNobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']
    const prober = startProber(process.env, [String(SHORT_DEADLINE_MS), program], asNobody)
    const missed = expect.stringMatching(/^driver-unresponsive: .* 0\.3 s$/)
    const full = expect.stringMatching(/^driver-unresponsive: .* 2 processes/)
    const outcomes = [await prober.outcome(), await prober.outcome(), await prober.outcome()]
    expect(outcomes).toEqual([missed, missed, full])
    const hung = childrenOf(prober.pid)
    expect(hung).toHaveLength(2)
    process.kill(hung[0] ?? 0, 'SIGKILL')
    await until('one is gone', () => childrenOf(prober.pid).length === 1)
    expect(await prober.outcome()).toEqual(missed)
    for (const pid of childrenOf(prober.pid)) process.kill(pid, 'SIGKILL')
    prober.kill()
  })
})

/** A process that keeps an NVML open. */
function startProber(env: Environment, args: readonly string[], as: readonly string[] = []) {
  const child = Bun.spawn([...as, process.execPath, `${STAND_INS}/probe-kept.ts`, ...args], {
    ...{ env: { ...env }, stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' },
  })
  const reader = child.stdout.getReader()
  const ask = () => {
    child.stdin.write('\n')
    child.stdin.flush()
  }
  return {
    pid: child.pid,
    ask,
    /** Asks, and reads one line. */
    outcome: async () => {
      ask()
      let text = ''
      while (!text.endsWith('\n')) {
        const { done, value } = await reader.read()
        if (done) throw new Error(`it has ended after printing '${text}'`)
        text += new TextDecoder().decode(value)
      }
      return text.trim()
    },
    kill: () => child.kill('SIGKILL'),
  }
}

/** A zombie that its parent has not reaped yet counts as gone. */
function isGone(pid: number): boolean {
  const stat = statOf(pid)
  return stat === null || /\) [ZX] /.test(stat)
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return text === '' ? [] : text.split(' ').map(Number)
}

function statOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return null
  }
}
