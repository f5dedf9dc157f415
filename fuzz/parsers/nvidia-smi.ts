import {
  GPU_FIELDS,
  hasMigInstances,
  MINIMAL_GPU_FIELDS,
  parseApps,
  parseGpus,
  parseMigParents,
} from '../../src/adapters/gpu/nvidia/nvidia-smi-output.ts'
import { PART, type Parser, parts } from '../parser.ts'
import { answerOf, verify } from '../soundness.ts'
import { checkGpus, checkProcesses } from './driver-checks.ts'

const uuid = (i: number) => `GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a7${i}`
const mig = 'MIG-c7384736-a75d-5afc-978f-d2f1294409fd'
const row = (i: number) =>
  `${i}, 00000000:${i + 1}B:00.0, ${uuid(i)}, 7000${i}, 81559, 97, 6${i}, 680.25, Disabled, NVIDIA H100 80GB HBM3`

const FOUR_BUSY = `${[0, 1, 2, 3].map(row).join('\n')}\n`
const LOST = `${row(0)}\nUnable to determine the device handle for GPU0000:3B:00.0: GPU is lost.  Reboot the system to recover this GPU\n${row(2)}\n`
const UNREADABLE = `0, 00000000:1B:00.0, ${uuid(0)}, [Unknown Error], [N/A], [N/A], 30, [GPU requires reset], Enabled, NVIDIA A100\n`
const RECOVERY = `0, 00000000:1B:00.0, ${uuid(0)}, [N/A], 0, 0, 30, [N/A], Disabled, Drain and Reset, NVIDIA GB10\n`
const MINIMAL = `0, 00000000:1B:00.0, ${uuid(0)}, 70000, 81559, Tesla K80, or so\n`
const APPS = `${uuid(0)}, 4242, 69000, /usr/bin/python3\n${uuid(1)}, 4243, [N/A], [Not Found]\n${mig}, 17, 5, a, b\n`
const OLD_MIG = `MIG-${uuid(0)}/1/0, 4242, 69000, python3\nNo running processes found\n`
const LIST = `GPU 0: NVIDIA A100 (UUID: ${uuid(0)})\n  MIG 1g.5gb      Device  0: (UUID: ${mig})\nGPU 1: NVIDIA A100 (UUID: ${uuid(1)})\n`

const SEEDS = [
  [FOUR_BUSY, APPS, LIST],
  [LOST, OLD_MIG, LIST],
  [UNREADABLE, APPS, ''],
  [MINIMAL, '', LIST],
  [RECOVERY, `${uuid(0)}, 4242, [GPU requires reset], a\n[Not Supported], [N/A], [N/A], [N/A]\n`, ''],
].map((texts) => texts.join(PART))

/** The CSV output of both queries, and the list of `-L`. */
export const nvidiaSmi: Parser = {
  name: 'nvidia-smi',
  seeds: SEEDS,
  words: [
    ...[
      ', ',
      '\n',
      PART,
      '[',
      ']',
      '[N/A]',
      '[GPU is lost]',
      '[Not Supported]',
      'ERR!',
      'None',
      'Reset',
      'Enabled',
      'GPU-',
      'MIG-',
      ': ',
    ],
    ...[
      'MIG-GPU-',
      '(UUID: ',
      ')',
      'Unable to determine the device handle for GPU',
      'WARNING: infoROM is corrupted',
    ],
    ...[
      '0000:3B:00.0',
      'No running processes found',
      '0',
      '1',
      '70000',
      uuid(0),
      uuid(1),
      mig,
      row(0),
      row(1),
      '\n\n',
    ],
  ],
  nesting: [
    ['[', ']'],
    ['(UUID:', ')'],
    [': ', ''],
    ['\n', ''],
  ],
  check(input) {
    const [gpus = '', apps = '', list = ''] = parts(input)
    for (const fields of [GPU_FIELDS, MINIMAL_GPU_FIELDS]) {
      const read = answerOf(['driver-failed'], () => parseGpus(gpus, fields))
      if (read !== null) checkGpus(read)
    }
    checkCutOff(gpus)
    if (hasMigInstances(apps)) verify(apps.includes('MIG-'), 'MIG instances without a MIG UUID')
    const processes = answerOf(['driver-failed'], () => parseApps(apps, parseMigParents(list)))
    for (const each of processes?.processes.values() ?? []) checkProcesses(each)
  },
}

/** A GPU that a truncated answer still contains must have its real reading. */
function checkCutOff(text: string): void {
  if (!FOUR_BUSY.startsWith(text)) return
  for (const { index, state } of answerOf(['driver-failed'], () => parseGpus(text, GPU_FIELDS)) ?? []) {
    verify(
      state.kind === 'measured' && state.memoryUsedMb === 70_000 + index,
      `GPU ${index} has a wrong reading in a truncated answer`,
    )
  }
}
