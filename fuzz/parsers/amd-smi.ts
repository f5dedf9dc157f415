import {
  errorOf,
  parseAmdSmi,
  singleEntry,
  unexplainedGpus,
} from '../../src/adapters/gpu/amd/amd-smi-output.ts'
import { PART, type Parser, parts as partsOf } from '../parser.ts'
import { answerOf, checkLine, verify } from '../soundness.ts'
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

/** Answers of an APU, of parts of a card and of ROCm 6.0 and 6.1, and errors. */
const gib = (value: number) => ({ value: value * 1024 ** 3, unit: 'B' })
const parts = gpus.map((gpu) => ({ gpu, bdf: `0000:05:00.${gpu}`, uuid: 'card', partition_id: gpu }))
const memories = [
  { total_vram: '512 MB', used_vram: 489, total_gtt: { value: 126_976, unit: 'MB' }, used_gtt: 61_440 },
  { total_vram: 'N/A', used_vram: 'N/A' },
  { total_vram: { value: 512, unit: 'MB' }, used_vram: 'AMDSMI_STATUS_FILE_ERROR' },
].map((mem_usage, gpu) => ({ gpu, mem_usage, usage: 'N/A', power: { socket_power: 'ERR!' } }))
const oldLists = [
  { gpu: 0, process_info: { pid: 7, memory_usage: { gtt_mem: gib(60), vram_mem: 0 }, mem_usage: 5 } },
  { gpu: 1, values: [info(7, gib(8)), { process_info: 'N/A' }] },
  { gpu: 2, process_info: 'Not Found' },
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
    seed(parts, asic, memories, oldLists),
    seed(parts, asic, metric, processes).replace('"value":70000', '"value":NaN'),
    [list, asic, metric, processes].map((each) => JSON.stringify(each).repeat(2)).join(PART),
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
    const [list = '', asic = '', metric = '', process = ''] = partsOf(input)
    const read = answerOf(['driver-failed'], () => parseAmdSmi({ list, asic, metric, process }))
    if (read !== null) {
      checkGpus(read)
      const again = unexplainedGpus({ list, asic, metric, process })
      verify(new Set(again).size === again.length, 'a GPU is queried twice')
      for (const gpu of again) answerOf(['driver-failed'], () => singleEntry(process, gpu))
    }
    checkLine(errorOf(input) ?? '')
  },
}
