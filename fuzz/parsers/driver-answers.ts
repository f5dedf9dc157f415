import { parseScenario } from '../../src/adapters/gpu/fake/fake-scenario.ts'
import { isAnswer, parseAnswer } from '../../src/adapters/gpu/nvidia/nvml-answer.ts'
import type { Parser } from '../parser.ts'
import { answerOf, isAmount, isWhole, verify } from '../soundness.ts'
import { checkReadings } from './driver-checks.ts'

const GPUS = [
  {
    index: 0,
    uuid: 'GPU-0',
    name: 'NVIDIA H100',
    state: {
      kind: 'measured',
      memoryUsedMb: 70_000,
      memoryTotalMb: 81_559,
      utilizationPercent: 97,
      temperatureC: 60,
      powerW: 680.25,
      mig: true,
      processes: [{ pid: 4242, memoryMb: 69_000 }, { pid: 4243 }],
    },
  },
  { index: 1, uuid: '', name: 'NVIDIA H100', state: { kind: 'fault', reason: 'GPU is lost' } },
]

const JSON_WORDS = ['{', '}', '[', ']', ':', ',', '"', 'null', 'true', '0', '1', '1e999', '-0', '\n']

/** The output of the child process that calls NVML. */
export const nvmlAnswer: Parser = {
  name: 'nvml-answer',
  json: true,
  seeds: [
    JSON.stringify({ kind: 'gpus', gpus: GPUS }),
    JSON.stringify({ kind: 'missing', reason: 'cannot open shared object file' }),
    JSON.stringify({ kind: 'failed', reason: 'Driver/library version mismatch' }),
  ],
  words: [
    ...JSON_WORDS,
    '"kind":',
    '"gpus"',
    '"measured"',
    '"fault"',
    '"reason":',
    '\n{"kind":"gpus","gpus":[]}\n',
  ],
  check(input) {
    for (const stdout of [input, `printed by the library\n${input}\n`]) {
      isAnswer(stdout)
      const answer = answerOf(['driver-failed'], () => parseAnswer(stdout))
      if (answer === null) continue
      if (answer.kind === 'gpus') checkReadings(answer.gpus)
      else verify(typeof answer.reason === 'string', 'the reason is missing')
    }
  },
}

const GPU_COUNT = 4

/** The file that CANHAZGPU_FAKE_USAGE names. */
export const fakeScenario: Parser = {
  name: 'fake-scenario',
  json: true,
  seeds: [
    JSON.stringify({
      delay_ms: 3,
      gpus: {
        '0': {
          uuid: 'GPU-0',
          name: 'A',
          memory_used_mb: 5,
          mig: true,
          processes: [
            { pid: 1, user: 'bob', uid: 7, name: 'python', memory_mb: 2, command: 'python train.py' },
          ],
        },
        '1': { fault: 'GPU is lost' },
        '2': { missing: true },
      },
    }),
    '{"fail": "mismatch"}',
    '{"hang": false, "gpus": {}}',
  ],
  words: [
    ...JSON_WORDS,
    '"gpus":',
    '"processes":',
    '"memory_used_mb":',
    '"pid":',
    '"fault":',
    '"4":',
    '"__proto__":',
  ],
  check(input) {
    const scenario = answerOf(['config-invalid'], () => parseScenario(input, '/tmp/usage.json', GPU_COUNT))
    if (scenario === null) return
    verify(isAmount(scenario.delay_ms) && typeof scenario.hang === 'boolean', 'the delay is invalid')
    for (const [id, gpu] of Object.entries(scenario.gpus)) {
      verify(isWhole(Number(id)) && Number(id) < GPU_COUNT, `GPU ${id}`)
      const amounts = [
        gpu.memory_used_mb,
        gpu.memory_total_mb,
        gpu.utilization_percent,
        gpu.temperature_c,
        gpu.power_w,
      ]
      verify(amounts.every(isAmount), `GPU ${id} has an invalid amount: ${amounts}`)
      for (const { pid, uid = 0, memory_mb } of gpu.processes) {
        verify(
          isWhole(pid) && isWhole(uid) && isAmount(memory_mb),
          `process ${pid} of ${uid} uses ${memory_mb} MB`,
        )
      }
    }
  },
}
