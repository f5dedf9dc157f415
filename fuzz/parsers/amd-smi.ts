import { errorOf, parseAmdSmi } from '../../src/adapters/gpu/amd-smi-output.ts'
import { PART, type Parser, parts } from '../parser.ts'
import { answerOf, checkLine } from '../soundness.ts'
import { checkGpus } from './driver-checks.ts'

const gpus = [0, 1, 2]
const list = gpus.map((gpu) => ({
  gpu,
  bdf: `0000:0${gpu}:00.0`,
  uuid: `1${gpu}ff74a1-0000`,
  hip_id: 2 - gpu,
}))
const asic = gpus.map((gpu) => ({ gpu, asic: { market_name: 'AMD Instinct MI300X', vendor_id: '0x1002' } }))
const metric = gpus.map((gpu) => ({
  gpu,
  usage: { gfx_activity: { value: 97, unit: '%' } },
  power: { socket_power: { value: 680, unit: 'W' } },
  temperature: { edge: 'N/A', hotspot: { value: 60, unit: 'C' } },
  mem_usage: { total_vram: { value: 196592, unit: 'MB' }, used_vram: { value: 70_000 + gpu, unit: 'MB' } },
}))
const info = (pid: number, vram: unknown) => ({
  process_info: { name: 'python3', pid, memory_usage: { vram_mem: vram } },
})
const processes = [
  { gpu: 0, process_list: [info(4242, { value: 69e9, unit: 'B' }), info(4243, 'N/A')] },
  { gpu: 1, process_list: [{ process_info: 'No running processes detected' }] },
]

const seed = (...documents: readonly unknown[]) => documents.map((each) => JSON.stringify(each)).join(PART)

/** The answers to `list`, `static --asic`, `metric` and `process`. */
export const amdSmi: Parser = {
  name: 'amd-smi',
  json: true,
  seeds: [
    seed(list, asic, metric, processes),
    seed({ gpu_data: list }, { gpu_data: asic }, { gpu_data: metric }, processes),
    `WARNING: groups\n${seed(
      list,
      asic,
      [
        { gpu: 0, mem_usage: 'Device lost' },
        { gpu: 1, error: 'gone' },
      ],
      [],
    )}`,
    seed({ error: 'AMDSMI_STATUS_NO_PERM', code: -10 }, asic, metric, processes),
  ],
  words: [
    ...[
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"',
      '"gpu":',
      '"hip_id":',
      '"value":',
      '"unit":',
      '"GB"',
      '"KB"',
      '"B"',
      '"N/A"',
    ],
    ...[
      '"error":',
      '"mem_usage":',
      '"used_vram":',
      '"pid":',
      '"uuid":',
      'null',
      '0',
      '1',
      '\n',
      '\n\n',
      PART,
      '"error" : "',
    ],
  ],
  nesting: [
    ['[', ']'],
    ['{"gpu_data":', '}'],
    ['\n', ''],
    [' ', ''],
  ],
  check(input) {
    const [list = '', asic = '', metric = '', process = ''] = parts(input)
    const read = answerOf(['driver-failed'], () => parseAmdSmi({ list, asic, metric, process }))
    if (read !== null) checkGpus(read)
    checkLine(errorOf(input) ?? '')
  },
}
