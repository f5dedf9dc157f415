import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import fc from 'fast-check'
import { parseAmdSmi } from '../../../src/adapters/gpu/amd/amd-smi-output.ts'
import { parseScenario } from '../../../src/adapters/gpu/fake/fake-scenario.ts'
import {
  GPU_FIELDS,
  MINIMAL_GPU_FIELDS,
  parseApps,
  parseGpus,
  parseMigParents,
} from '../../../src/adapters/gpu/nvidia/nvidia-smi-output.ts'
import { parseAnswer } from '../../../src/adapters/gpu/nvidia/nvml-answer.ts'
import type { ReportedGpu, ReportedProcess } from '../../../src/adapters/gpu/reading.ts'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import { amdSmiFiles, nvidiaSmiFiles } from './simulated-drivers.ts'
import { EIGHT_H100, withProcesses } from './simulated-machine.ts'

/** A parser must reject hostile input with our error, or return a valid result. */
function expectRejectedOrValid<T>(parse: () => T, check: (result: T) => void): void {
  let result: T
  try {
    result = parse()
  } catch (error) {
    if (!(error instanceof CanhazgpuError)) throw error
    expect(error.message).not.toMatch(/\p{Cc}/u)
    expect(error.message.length).toBeLessThan(400)
    return
  }
  check(result)
}

function isAmount(value: number | undefined): boolean {
  return value === undefined || (Number.isFinite(value) && value >= 0)
}

function checkProcesses(processes: readonly ReportedProcess[]): void {
  for (const { pid, memoryMb } of processes) {
    expect(Number.isSafeInteger(pid) && pid >= 0).toBe(true)
    expect(isAmount(memoryMb)).toBe(true)
  }
  expect(new Set(processes.map((process) => process.pid)).size).toBe(processes.length)
}

function checkGpus(gpus: readonly ReportedGpu[]): void {
  for (const { index, state } of gpus) {
    expect(Number.isSafeInteger(index) && index >= 0).toBe(true)
    if (state.kind === 'fault') expect(state.reason).toMatch(/./)
    else {
      const { memoryUsedMb, memoryTotalMb, utilizationPercent, temperatureC, powerW, processes = [] } = state
      expect([memoryUsedMb, memoryTotalMb, utilizationPercent, temperatureC, powerW].every(isAmount)).toBe(
        true,
      )
      checkProcesses(processes)
    }
  }
}

const RUNS = 1000
// Enough for a loaded machine: the number of runs is fixed, the time is not.
setDefaultTimeout(120_000)

const cell = fc.oneof(
  fc.integer().map(String),
  fc.double().map(String),
  fc.constantFrom(
    '[N/A]',
    '[GPU is lost]',
    'ERR!',
    '',
    'Enabled',
    'GPU-0',
    'MIG-0',
    'NaN',
    'Infinity',
    '-1',
    '1e999',
  ),
  fc.string({ unit: 'binary' }),
)
const table = fc
  .array(fc.array(cell, { minLength: 1, maxLength: 12 }).map((cells) => cells.join(', ')))
  .map((rows) => rows.join('\n'))

/** A valid answer with some pieces removed, duplicated or replaced. */
function damaged(text: string): fc.Arbitrary<string> {
  const cut = fc.record({
    at: fc.nat(text.length),
    length: fc.nat(40),
    by: fc.oneof(cell, fc.constantFrom('\n', ',', '{', '}', '[', ']', 'null', '"')),
  })
  return fc
    .array(cut, { maxLength: 4 })
    .map((cuts) => cuts.reduce((t, { at, length, by }) => t.slice(0, at) + by + t.slice(at + length), text))
}

const machine = withProcesses({ pid: 1, name: 'a, b', memoryMb: 5 }, { pid: 2, name: 'c' })
const csv = (name: string) =>
  (nvidiaSmiFiles(name === 'apps.tsv' ? machine : EIGHT_H100)[name] ?? '')
    .replaceAll('\t', ', ')
    .replace(/^.*\n/, '')

describe('hostile output is rejected or gives valid values', () => {
  test('nvidia-smi --query-gpu', () => {
    fc.assert(
      fc.property(fc.oneof(table, damaged(csv('gpus.tsv'))), (text) => {
        expectRejectedOrValid(() => parseGpus(text, GPU_FIELDS), checkGpus)
        expectRejectedOrValid(() => parseGpus(text, MINIMAL_GPU_FIELDS), checkGpus)
      }),
      { numRuns: RUNS },
    )
  })

  test('nvidia-smi --query-compute-apps and -L', () => {
    fc.assert(
      fc.property(fc.oneof(table, damaged(csv('apps.tsv'))), fc.string(), (text, list) => {
        expectRejectedOrValid(
          () => parseApps(text, parseMigParents(list)),
          (apps) => [...apps.processes.values()].forEach(checkProcesses),
        )
      }),
      { numRuns: RUNS },
    )
  })

  test('amd-smi', () => {
    const files = amdSmiFiles(machine)
    const json = fc.oneof(fc.json(), fc.string(), fc.constant('[]'))
    const document = (name: string) =>
      fc.oneof(json, damaged(files[name] ?? ''), fc.constant(files[name] ?? ''))
    const output = fc.record({
      list: document('list.json'),
      asic: document('asic.json'),
      metric: document('metric.json'),
      process: document('process.json'),
    })
    fc.assert(
      fc.property(output, (text) => expectRejectedOrValid(() => parseAmdSmi(text), checkGpus)),
      { numRuns: RUNS },
    )
  })

  test('amd-smi with the right shape and wild values', () => {
    const wild = fc.oneof(
      fc.double(),
      fc.constant('N/A'),
      fc.anything({ maxDepth: 2, maxKeys: 3 }),
      fc.record({ value: fc.double(), unit: cell }),
    )
    const entry = fc.record({
      gpu: fc.oneof(fc.nat(3), fc.double()),
      hip_id: wild,
      uuid: wild,
      asic: wild,
      mem_usage: fc.oneof(fc.record({ used_vram: wild, total_vram: wild }), wild),
      usage: wild,
      process_list: fc.oneof(
        fc.array(fc.record({ process_info: fc.oneof(fc.record({ pid: wild, memory_usage: wild }), wild) })),
        wild,
      ),
    })
    const document = fc.array(entry, { maxLength: 4 }).map((entries) => {
      try {
        return JSON.stringify(entries)
      } catch {
        return '[]'
      }
    })
    fc.assert(
      fc.property(document, (text) =>
        expectRejectedOrValid(
          () => parseAmdSmi({ list: text, asic: text, metric: text, process: text }),
          checkGpus,
        ),
      ),
      { numRuns: RUNS },
    )
  })

  test('the child process of NVML', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) =>
        expectRejectedOrValid(
          () => parseAnswer(text),
          (answer) => expect(answer).toHaveProperty('kind'),
        ),
      ),
    )
  })

  test('a scenario of the fake', () => {
    const text =
      '{"gpus": {"0": {"memory_used_mb": 5, "processes": [{"pid": 1, "memory_mb": 2}]}}, "delay_ms": 3}'
    fc.assert(
      fc.property(fc.oneof(fc.json(), damaged(text)), (scenario) =>
        expectRejectedOrValid(
          () => parseScenario(scenario, '/tmp/usage.json', 4),
          ({ delay_ms }) => expect(isAmount(delay_ms)).toBe(true),
        ),
      ),
      { numRuns: RUNS },
    )
  })
})
