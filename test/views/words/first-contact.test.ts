import { expect, test } from 'bun:test'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import { gpuUnit } from '../../../src/domain/pool/units.ts'
import { type Found, guideFailure, guideText } from '../../../src/views/words/admin-guide.ts'
import { noPool } from '../../../src/views/words/overview-words.ts'
import { poolOf } from '../../domain/pool/builders.ts'

const H100 = 'NVIDIA H100 80GB HBM3'
const MEASURED = { kind: 'measured', memoryUsedMb: 4, memoryTotalMb: 81_559, processes: [] } as const
const reading = (index: number, state: object = MEASURED) =>
  ({ index, uuid: `GPU-${index}`, name: H100, state }) as const
const units = [0, 1].map((id) => ({
  ...{ id: gpuUnit(id), device: { uuid: `GPU-${id}`, name: H100 }, memoryMb: 81_559 },
  shape: { kind: 'gpu' } as const,
}))
const driver = new CanhazgpuError('driver-failed', 'nvidia-smi: \u001b[31mno driver', { hint: 'Reboot.' })
const MISSING = "Required option '-g, --gpus <count>' not specified"

const CASES: readonly (readonly [Found, text: string, hint: string])[] = [
  [
    { kind: 'gpus', probe: { provider: 'nvml', readings: [reading(0), reading(1)] } } as unknown as Found,
    `No pool yet. The NVIDIA driver answers (nvml), and shows 2 GPUs: 2 × ${H100} (81559 MB)\n`,
    "type 'sudo canhazgpu admin --gpus 2'",
  ],
  [
    {
      kind: 'gpus',
      probe: { provider: 'nvml', readings: [reading(0, { kind: 'fault', reason: 'GPU is lost' })] },
    } as unknown as Found,
    `No pool yet. The NVIDIA driver answers (nvml), and shows 1 GPU: 1 × ${H100}\nGPU 0 has a fault: GPU is lost\n`,
    "type 'sudo canhazgpu admin --gpus 1'",
  ],
  [
    { kind: 'no gpus', error: driver },
    'No pool yet. The driver shows no GPU: nvidia-smi:  [31mno driver - Reboot.\n',
    "see 'canhazgpu doctor'",
  ],
  [
    { kind: 'unreadable', error: new CanhazgpuError('store-corrupt', 'The pool is damaged') },
    'The pool cannot be read: The pool is damaged\n',
    "see 'canhazgpu doctor'",
  ],
  [
    {
      kind: 'pool',
      pool: { ...poolOf(units), provider: 'nvml' },
      place: { path: '/p/pool.db', group: null },
    },
    `The pool /p/pool.db has 2 GPUs: 2 × ${H100} (81559 MB) (provider nvml). To change it:
  sudo canhazgpu admin --memory-threshold 512  memory that counts as use; keeps reservations
  sudo canhazgpu admin --refresh               adopt replaced GPUs; keeps reservations
  sudo canhazgpu drain 0                       take a GPU out of service; its holder finishes
  canhazgpu policy                             show the rules, such as limits; policy set changes them
  sudo canhazgpu admin --gpus 2 --force        set up again; ENDS ALL RESERVATIONS
`,
    "see 'canhazgpu admin --help'",
  ],
]

test.each(CASES)('admin without --gpus: $kind', (found, text, hint) => {
  expect(guideText(found)).toBe(text)
  expect(guideFailure(found)).toMatchObject({ code: 'usage', message: MISSING, hint })
})

test('without a pool, the hint names the people to ask', () => {
  const error = new CanhazgpuError('pool-not-initialized', 'GPU pool not initialized')
  expect(noPool(error, null).hint).toBeUndefined()
  expect(noPool(error, []).hint).toBe('ask an administrator of this machine')
  expect(noPool(error, ['ann', 'b\u001ben']).hint).toBe('ask an administrator: ann, b en')
})
