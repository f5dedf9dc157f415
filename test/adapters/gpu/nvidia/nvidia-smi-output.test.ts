import { describe, expect, test } from 'bun:test'
import {
  GPU_FIELDS,
  hasMigInstances,
  MINIMAL_GPU_FIELDS,
  parseApps,
  parseGpus,
  parseMigParents,
} from '../../../../src/adapters/gpu/nvidia/nvidia-smi-output.ts'
import { CanhazgpuError } from '../../../../src/domain/errors.ts'

const row = (index: number, bus: string, used: string | number = 4) =>
  `${index}, 00000000:${bus}:00.0, GPU-${index}, ${used}, 81559, 0, 34, 70.25, Disabled, NVIDIA H100 80GB HBM3`

const read = (...lines: string[]) => parseGpus(`${lines.join('\n')}\n`, GPU_FIELDS)
const faults = (...lines: string[]) =>
  read(...lines).map((gpu) => (gpu.state.kind === 'fault' ? `${gpu.index} ${gpu.state.reason}` : gpu.index))

describe('the list of GPUs', () => {
  test('of a driver with few fields', () => {
    const [gpu] = parseGpus('0, 00000000:3B:00.0, GPU-0, 45, 16160, Tesla V100, 16GB\n', MINIMAL_GPU_FIELDS)
    expect(gpu).toEqual({
      index: 0,
      uuid: 'GPU-0',
      name: 'Tesla V100, 16GB',
      state: { kind: 'measured', memoryUsedMb: 45, memoryTotalMb: 16160 },
    })
  })

  test('of an H200 with driver 580.159.04, where a process holds a tensor of 3,000 MB', () => {
    const printed =
      '0, 00000000:00:06.0, GPU-a52d0379-373d-625b-4ea7-6d3ca407e81b, 3619, 143771, 0, 35, 89.11, Disabled, None, NVIDIA H200\n'
    const [gpu] = parseGpus(printed, GPU_FIELDS)
    expect(gpu).toEqual({
      index: 0,
      uuid: 'GPU-a52d0379-373d-625b-4ea7-6d3ca407e81b',
      name: 'NVIDIA H200',
      state: {
        kind: 'measured',
        ...{ memoryUsedMb: 3619, memoryTotalMb: 143771, utilizationPercent: 0 },
        ...{ temperatureC: 35, powerW: 89.11 },
      },
    })
    const apps = 'GPU-a52d0379-373d-625b-4ea7-6d3ca407e81b, 1618, 3610, python3\n'
    expect([...parseApps(apps, new Map()).processes]).toEqual([
      ['GPU-a52d0379-373d-625b-4ea7-6d3ca407e81b', [{ pid: 1618, name: 'python3', memoryMb: 3610 }]],
    ])
  })

  test('is not understood with a GPU twice, because one row may hide that the GPU is in use', () => {
    const [first, second] = [row(0, '3B', 70_000), row(1, '5E', 0)]
    expect(read(first, second)).toHaveLength(2)
    const notUnderstood = expect.objectContaining({ code: 'driver-failed' })
    expect(() => read(first, row(0, '3B', 0))).toThrow(notUnderstood)
    expect(() => read(first, second.replace('GPU-1', 'GPU-0'))).toThrow(notUnderstood)
  })

  test('a lost GPU has a reason even if the driver prints none', () => {
    const anyReason = [expect.stringMatching(/^0 \w+/)]
    expect(faults('Unable to determine the device handle for GPU')).toEqual(anyReason)
    expect(faults(row(0, '3B', '[\u200b]'))).toEqual(anyReason)
  })

  test('a GPU with only its memory', () => {
    const bare =
      '0, 0000:3B:00.0, GPU-0, 45, [N/A], [Not Supported], [Insufficient Permissions], N/A, [N/A], [N/A]'
    expect(read(bare)[0]).toEqual({
      index: 0,
      uuid: 'GPU-0',
      name: 'NVIDIA GPU',
      state: { kind: 'measured', memoryUsedMb: 45 },
    })
  })

  test.each([
    ['[GPU is lost]', 'GPU is lost'],
    ['[GPU requires reset]', 'GPU requires reset'],
    ['[Unknown Error]', 'Unknown Error'],
    ['ERR!', 'ERR!'],
    ['[Insufficient Permissions]', 'Insufficient Permissions'],
    ['-5', '-5'],
    ['NaN', 'NaN'],
    ['', expect.stringContaining('memory')],
  ])('a GPU whose memory is %p is faulty', (memory, reason) => {
    expect(read(row(0, '1B', memory))[0]).toMatchObject({ index: 0, state: { kind: 'fault', reason } })
  })

  test.each([
    ['uuid', '???'],
    ['mig.mode.current', '???'],
    ['mig.mode.current', 'Unable to determine the device handle'],
    ['name', 'Unable to determine the device handle'],
  ] as const)('a GPU whose %p is %p is faulty, and the reason names the field', (column, words) => {
    const values = row(0, '1B').split(', ')
    values[COLUMNS.indexOf(column)] = words
    expect(faults(values.join(', '))).toEqual([`0 ${column}: ${words}`])
  })

  const COLUMNS = GPU_FIELDS.filter((field) => field !== 'gpu_recovery_action')
  const COMPLAINTS = ['[GPU requires reset]', '[GPU is lost]', '[Unknown Error]', 'ERR!']
  test.each(COLUMNS.flatMap((column) => COMPLAINTS.map((words) => [column, words] as const)))(
    'a GPU whose %p is %p is faulty',
    (column, words) => {
      // An index that is not a number is refused unless it is in brackets.
      if (column === 'index' && words === 'ERR!') return
      const values = row(0, '1B').split(', ')
      values[COLUMNS.indexOf(column)] = words
      const [gpu] = read(values.join(', '))
      expect(gpu?.state).toEqual({
        kind: 'fault',
        reason: expect.stringContaining(words.replace(/[[\]]/g, '')),
      })
    },
  )

  test.each(['Reset', 'Reboot', 'Drain P2P', 'Drain and Reset', '[Unknown Error]', 'Something New'])(
    'a GPU whose recovery action is %p is faulty',
    (action) => {
      expect(faults(withAction(action))).toEqual([expect.stringMatching(/^0 /)])
      expect(faults(withAction(action))).toEqual([expect.stringContaining(action)])
    },
  )

  test.each(['None', '[N/A]', '[Not Supported]'])('a GPU whose recovery action is %p works', (action) => {
    expect(faults(withAction(action))).toEqual([0])
  })

  const withAction = (action: string) => row(0, '1B').replace('Disabled, ', `Disabled, ${action}, `)

  test('a reading that is not a number is left out', () => {
    const odd = '0, 00000000:1B:00.0, GPU-0, 4, 81559, NaN, -7, inf, Disabled, H100'
    expect(read(odd)[0]?.state).toEqual({ kind: 'measured', memoryUsedMb: 4, memoryTotalMb: 81559 })
  })

  const rest = 'GPU is lost.  Reboot the system to recover this GPU'
  test.each([
    `Unable to determine the device handle for GPU 0000:2B:00.0: ${rest}`,
    `Unable to determine the device handle for GPU0000:2B:00.0: ${rest}`,
    `Unable to determine the device handle for GPU1: 0000:2B:00.0: ${rest}`,
    `Unable to determine the device handle for gpu 0000:2B:00.0: ${rest}`,
    `Unable to determine the device handle for GPU1: ${rest}`,
  ])('a GPU without a row is faulty: %s', (complaint) => {
    const fault = '1 GPU is lost. Reboot the system to recover this GPU'
    expect(faults(row(0, '1B'), complaint, row(2, '3B'))).toEqual([0, fault, 2])
  })

  test('a lost GPU that the driver does not count comes after the others', () => {
    const complaint = 'Unable to determine the device handle for GPU0000:1B:00.0: Unknown Error'
    expect(faults(complaint, row(0, '2B'), row(1, '3B'))).toEqual([0, 1, '2 Unknown Error'])
  })

  test('several lost GPUs are ordered by their bus addresses', () => {
    const complaint = (bus: string, reason: string) =>
      `Unable to determine the device handle for GPU0000:${bus}:00.0: ${reason}`
    const lines = [
      complaint('4B', 'Unknown Error'),
      complaint('1B', 'GPU is lost'),
      row(1, '2B'),
      row(2, '3B'),
    ]
    expect(faults(...lines)).toEqual(['0 GPU is lost', 1, 2, '3 Unknown Error'])
  })

  test('a lost GPU without an index', () => {
    const gone = GPU_FIELDS.map(() => '[GPU is lost]').join(', ')
    expect(faults(row(0, '1B'), gone)).toEqual([0, '1 GPU is lost'])
  })

  test('a warning is not a row', () => {
    expect(faults('WARNING: infoROM is corrupted at gpu 0000:1B:00.0', row(0, '1B'))).toEqual([0])
  })

  test.each([
    'No devices were found',
    '0, 1',
    `${row(0, '1B').slice(0, 30)}`,
    '<html>',
    '0x1, a, b, c, d, e, f, g, h, i',
  ])('a line %p is not understood', (line) => {
    expect(() => read(row(1, '2B'), line)).toThrow(CanhazgpuError)
  })
})

describe('the list of processes', () => {
  const none = new Map<string, string>()

  test('keeps commas in names', () => {
    expect([...parseApps('GPU-0, 12345, 8446, /opt/a, b/python3\n', none).processes]).toEqual([
      ['GPU-0', [{ pid: 12345, name: '/opt/a, b/python3', memoryMb: 8446 }]],
    ])
  })

  test('may have only the pid of a process', () => {
    const apps =
      'GPU-0, 1, [N/A], [Not Found]\nGPU-0, 2, [Insufficient Permissions], [Insufficient Permissions]\n'
    expect(parseApps(apps, none).processes.get('GPU-0')).toEqual([{ pid: 1 }, { pid: 2 }])
  })

  test('assigns the processes of MIG instances to their GPU', () => {
    const list = [
      'GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-7fdaf0a5)',
      '  MIG 1g.10gb     Device  0: (UUID: MIG-feb88891)',
      '  MIG 1g.10gb     Device  1: (UUID: MIG-a25704ba)',
      'GPU 1: NVIDIA A100-SXM4-80GB (UUID: GPU-00000001)',
      '  MIG 3g.40gb     Device  0: (UUID: MIG-1aae4990)',
    ]
    const apps =
      'MIG-feb88891, 7, 100, a\nMIG-a25704ba, 7, 200, a\nMIG-1aae4990, 8, 300, b\nMIG-GPU-5d5b/1/0, 9, 1, c\n'
    expect(hasMigInstances(apps)).toBe(true)
    expect([...parseApps(apps, parseMigParents(list.join('\n'))).processes]).toEqual([
      ['GPU-7fdaf0a5', [{ pid: 7, name: 'a', memoryMb: 300 }]],
      ['GPU-00000001', [{ pid: 8, name: 'b', memoryMb: 300 }]],
      ['GPU-5d5b', [{ pid: 9, name: 'c', memoryMb: 1 }]],
    ])
  })

  test.each(['No running processes found', '[GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost]', ''])(
    'is empty for %p',
    (apps) => {
      expect(parseApps(apps, none).processes.size).toBe(0)
    },
  )

  test.each(['GPU-0, 1, [GPU requires reset], a', 'GPU-0, [Unknown Error], 5, a', 'GPU-0, 1, ERR!, a'])(
    'gives a fault of the GPU for %p',
    (apps) => {
      expect(parseApps(apps, none).complaints.get('GPU-0')).toMatch(/./)
    },
  )

  test('may have a name that reads like a complaint, because a process chooses its name', () => {
    const apps = parseApps('GPU-0, 1, 5, [GPU is lost]\n', none)
    expect([apps.complaints.size, apps.processes.get('GPU-0')?.length]).toEqual([0, 1])
  })

  test.each(['[Not Supported]', '[Insufficient Permissions]', '[Unknown Error]', '[GPU is lost]'])(
    'is incomplete if it has %p in place of a GPU',
    (words) => {
      expect(parseApps(Array(4).fill(words).join(', '), none).answered).toBe(false)
    },
  )

  test('is complete if it is empty', () => {
    expect(parseApps('', none).answered).toBe(true)
  })

  test.each(['GPU-0, -1, 5, a', 'GPU-0, 1.5, 5, a', 'GPU-0', 'what, 1, 2, 3'])(
    'is not understood with a line %p',
    (apps) => {
      expect(() => parseApps(apps, none)).toThrow(CanhazgpuError)
    },
  )
})
