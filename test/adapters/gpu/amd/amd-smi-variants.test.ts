import { describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { amdSmiProvider } from '../../../../src/adapters/gpu/amd/amd-smi.ts'
import { type AmdSmiOutput, parseAmdSmi } from '../../../../src/adapters/gpu/amd/amd-smi-output.ts'
import { judged } from '../../../../src/adapters/gpu/reading.ts'
import { programEnvironment } from '../simulated-drivers.ts'

const GIB = 1024 ** 3
const mb = (value: number) => ({ value, unit: 'MB' })
const bytes = (value: number) => ({ value, unit: 'B' })
const IDLE = { process_info: 'No running processes detected' }
const UNUSED_PID = 4_194_305

const info = (pid: number, vram: unknown, more: object = {}) => ({
  process_info: { name: 'python3', pid, memory_usage: { vram_mem: vram, ...more } },
})

interface Card {
  readonly used?: unknown
  readonly total?: unknown
  readonly gtt?: readonly [used: number, total: number]
  readonly bdf?: string
  readonly uuid?: string
  /** The rest of its entry in the answer about processes. */
  readonly processes?: object
  readonly list?: object
  readonly asic?: object
  readonly metric?: object
}

function output(cards: readonly Card[]): AmdSmiOutput & { readonly process: string } {
  const print = (entry: (card: Card, gpu: number) => object) =>
    JSON.stringify(cards.map((card, gpu) => ({ gpu, ...entry(card, gpu) })))
  return {
    list: print(({ bdf, uuid, list }, gpu) => ({
      bdf: bdf ?? `0000:${gpu + 10}:00.0`,
      uuid: uuid ?? `${gpu}ff74a1`,
      ...list,
    })),
    asic: print(({ asic }) => ({ asic: { market_name: 'AMD GPU' }, ...asic })),
    metric: print(({ used = mb(283), total = mb(196_592), gtt, metric }) => ({
      mem_usage: {
        total_vram: total,
        used_vram: used,
        ...(gtt === undefined ? {} : { used_gtt: mb(gtt[0]), total_gtt: mb(gtt[1]) }),
      },
      ...metric,
    })),
    process: print(({ processes = { process_list: [IDLE] } }) => processes),
  }
}

const read = (cards: readonly Card[]) => states(output(cards))
const states = (text: AmdSmiOutput) => judged(parseAmdSmi(text), undefined).map((gpu) => gpu.state)
const pids = (cards: readonly Card[]) =>
  read(cards).map((state) =>
    state.kind === 'measured' ? state.processes.map(({ pid }) => pid) : state.reason,
  )

describe('amd-smi of an APU', () => {
  const apu = (vramMb: number, gttMb: number, processes: object = { process_list: [IDLE] }) =>
    read([{ used: mb(vramMb), total: mb(512), gtt: [gttMb, 126_976], processes }])[0]

  test('counts the host memory that the card and its processes use', () => {
    const process = info(UNUSED_PID, bytes(0), { gtt_mem: bytes(60 * GIB), cpu_mem: bytes(4096) })
    expect(apu(489, 61_440, { process_list: [process] })).toMatchObject({
      memoryUsedMb: 61_929,
      memoryTotalMb: 127_488,
      processes: [{ pid: UNUSED_PID, memoryMb: 61_440 }],
    })
  })

  test('counts the host memory of a process if the size of the pool is unknown', () => {
    const process = info(UNUSED_PID, bytes(0), { gtt_mem: bytes(GIB) })
    const [state] = read([{ used: mb(300), total: mb(512), processes: { process_list: [process] } }])
    expect(state).toMatchObject({ memoryUsedMb: 300, processes: [{ memoryMb: 1024 }] })
  })

  test('is idle if only the driver itself uses host memory', () => {
    const opened = info(UNUSED_PID, bytes(0), { gtt_mem: bytes(6_000_000) })
    expect(apu(300, 40, { process_list: [opened] })).toMatchObject({
      memoryUsedMb: 300,
      memoryTotalMb: 512,
      processes: [],
    })
  })

  test('does not count host memory if the card has more memory of its own', () => {
    const process = info(UNUSED_PID, bytes(2 * GIB), { gtt_mem: bytes(GIB) })
    const [state] = read([{ used: mb(2100), gtt: [5000, 64_000], processes: { process_list: [process] } }])
    expect(state).toMatchObject({ memoryUsedMb: 2100, processes: [{ memoryMb: 2048 }] })
  })
})

describe('amd-smi reports processes', () => {
  const MEMORY = { gtt_mem: 0, cpu_mem: 0, vram_mem: 8 * GIB }
  const old = (pid: number) => ({
    pid,
    name: 'python3',
    memory_usage: MEMORY,
    mem_usage: 8 * GIB,
    usage: { gfx: 0 },
  })

  test.each([
    ['one, in the format of ROCm 6.0', { process_info: old(7) }, [7]],
    [
      'several, in the format of ROCm 6.1',
      { values: [{ process_info: old(7) }, { process_info: old(8) }] },
      [7, 8],
    ],
    ['several in one list', { process_info: [old(7), old(8)] }, [7, 8]],
    ['none, in the format of ROCm 6.0', { process_info: 'Not Found' }, []],
    ['none', { process_info: 'No running processes detected' }, []],
    ['none', { process_list: [] }, []],
    [
      'one, with only its total memory',
      { process_list: [{ process_info: { pid: 7, mem_usage: { value: 8 * GIB } } }] },
      [7],
    ],
  ])('%s', (_, processes, expected) => {
    expect(pids([{ used: mb(9000), processes }])).toEqual([expected])
  })

  test('a complaint in place of processes is a fault of the GPU', () => {
    expect(pids([{ processes: { process_info: 'AMDSMI_STATUS_UNEXPECTED_DATA' } }, {}])).toEqual([
      'processes: AMDSMI_STATUS_UNEXPECTED_DATA',
      [],
    ])
  })

  test('if the processes are unknown, the memory of the card decides; without it the GPU is faulty', () => {
    for (const processes of [
      { process_list: 'N/A' },
      { process_info: 'N/A' },
      { process_list: [{ process_info: 'N/A' }] },
      {},
    ]) {
      expect(read([{ processes }])[0]).toMatchObject({ memoryUsedMb: 283, processes: [] })
      expect(read([{ used: 'N/A', processes }])[0]?.kind).toBe('fault')
    }
    expect(read([{ used: 'N/A' }])[0]).toMatchObject({ memoryUsedMb: 0, memoryBy: 'processes' })
  })

  test('a process listed under every GPU counts on the GPUs that show its memory', () => {
    const everywhere = { process_list: [info(7, bytes(29_900 * 1024 ** 2))] }
    const used = [11, 30_000, 283, 30_100]
    expect(pids(used.map((each) => ({ used: mb(each), processes: everywhere })))).toEqual([[], [7], [], [7]])
  })

  test('a process listed under every GPU counts on each of them if none shows its memory', () => {
    const everywhere = { process_list: [info(7, bytes(29_900 * 1024 ** 2))] }
    expect(pids([11, 12].map((each) => ({ used: mb(each), processes: everywhere })))).toEqual([[7], [7]])
  })

  test('a process listed under one GPU counts even if the card shows less memory', () => {
    expect(pids([{ used: mb(11), processes: { process_list: [info(7, bytes(GIB))] } }, {}])).toEqual([
      [7],
      [],
    ])
  })
})

describe('amd-smi of a card in parts', () => {
  const part = (i: number, more: Card = {}): Card => ({ bdf: `0000:05:00.${i}`, uuid: 'card', ...more })
  const using = (gib: number) => ({ process_list: [info(7, bytes(gib * GIB))] })
  const usedMb = (cards: readonly Card[]) =>
    read(cards).map((state) =>
      state.kind === 'measured' ? [state.memoryUsedMb, state.card?.unexplainedMb] : state.reason,
    )

  test('judges each part by its processes if all parts show the memory of the card', () => {
    const shared = mb(20_500)
    expect(
      usedMb([
        part(0, { used: shared, processes: using(20) }),
        part(1, { used: mb(20_503) }),
        part(2, { used: shared }),
      ]),
    ).toEqual([
      [20_480, 23],
      [0, 23],
      [0, 23],
    ])
  })

  test('judges each part by its processes if only the first shows the memory of the card', () => {
    const unread = { used: 'N/A', total: 'N/A' }
    expect(usedMb([part(0, { used: mb(20_500) }), part(1, { ...unread, processes: using(20) })])).toEqual([
      [0, 20],
      [20_480, 20],
    ])
  })

  test('reports memory that no process explains', () => {
    expect(usedMb([part(0, { used: mb(20_500) }), part(1, { used: mb(20_500) })])).toEqual([
      [0, 20_500],
      [0, 20_500],
    ])
  })

  test('judges each part by its own memory if the parts differ', () => {
    expect(usedMb([part(0, { used: mb(20_500) }), part(1)])).toEqual([
      [20_500, undefined],
      [283, undefined],
    ])
  })

  test('judges each part by the memory of the card if the list of processes is missing', () => {
    const unlisted = { used: mb(20_500), processes: { process_list: 'N/A' } }
    expect(usedMb([part(0, unlisted), part(1, unlisted)])).toEqual([
      [20_500, undefined],
      [20_500, undefined],
    ])
  })

  test('counts the memory of a process once if it is listed on each part', () => {
    expect(usedMb([0, 1].map((i) => part(i, { used: mb(20_500), processes: using(20) })))).toEqual([
      [20_480, 20],
      [20_480, 20],
    ])
  })
})

describe('a complaint of amd-smi', () => {
  test.each([
    ['in the list', { list: { error: 'AMDSMI_STATUS_API_FAILED' } }],
    ['in place of the UUID', { uuid: 'AMDSMI_STATUS_API_FAILED' }],
    ['about the model', { asic: { error: 'gone' } }],
    ['in place of the model', { asic: { asic: 'AMDSMI_STATUS_IO' } }],
    ['about the metrics', { metric: { error: 'gone' } }],
    ['in place of the memory', { metric: { mem_usage: 'Device lost' } }],
    ['in place of the used memory', { used: 'AMDSMI_STATUS_FILE_ERROR' }],
    ['in place of all memory', { total: 'requires reset' }],
    ['in place of the usage', { metric: { usage: 'GPU requires reset' } }],
    ['in place of the load', { metric: { usage: { gfx_activity: 'ERR!' } } }],
    ['in place of the temperature', { metric: { temperature: { edge: 'N/A', hotspot: 'ERR!' } } }],
    ['in place of the power', { metric: { power: { socket_power: { value: 'ERR!', unit: 'W' } } } }],
    ['about the processes', { processes: { error: 'gone' } }],
    ['in place of the memory of a process', { processes: { process_list: [info(7, 'ERR!')] } }],
    ['with NaN for the memory', { used: 'NaN' }],
    ['without any memory', { metric: { mem_usage: {} } }],
  ] as const)('%s is a fault of that GPU only', (_, card) => {
    expect(read([card, {}]).map((state) => state.kind)).toEqual(['fault', 'measured'])
  })

  test('is not a missing reading', () => {
    const [state] = read([
      {
        metric: {
          usage: { gfx_activity: 'N/A' },
          temperature: { edge: 'AMDSMI_STATUS_NOT_SUPPORTED - Feature not supported', hotspot: 'NaN' },
          power: 'N/A',
        },
      },
    ])
    expect(state).toEqual({ kind: 'measured', memoryUsedMb: 283, memoryTotalMb: 196_592, processes: [] })
  })
})

describe('amd-smi prints', () => {
  const whole = output([{ used: mb(70_000) }, {}])
  const metrics = (metric: string) =>
    states({ ...whole, metric }).map((state) =>
      state.kind === 'measured' ? state.memoryUsedMb : state.reason,
    )
  const cpus = '[{"cpu": 0, "power_metrics": {"socket power": "102 mW"}}]'

  test.each([
    ['the document twice', `${whole.metric}\n${whole.metric}`],
    ['the document twice, without a line break', whole.metric + whole.metric],
    ['a warning before it', `WARNING: groups [render], {video}\n\n${whole.metric}`],
    ['a warning on its line', `WARNING: User is missing groups ${whole.metric}`],
    ['a warning after it', `${whole.metric}\nWARNING: [the] end }`],
    ['the CPUs too', `${cpus}\n${whole.metric}\n{"cpu_data": []}`],
    [
      'NaN',
      whole.metric.replaceAll(
        '"mem_usage"',
        '"usage": {"gfx_activity": NaN, "x": -Infinity, "s": "a NaN"}, "mem_usage"',
      ),
    ],
    ['numbers as text', whole.metric.replaceAll(/\{"value":(\d+),"unit":"MB"\}/g, '"$1 MB"')],
    ['bare numbers', whole.metric.replaceAll(/\{"value":(\d+),"unit":"MB"\}/g, '$1')],
  ])('%s', (_, metric) => {
    expect(metrics(metric)).toEqual([70_000, 283])
  })

  test.each([
    ['two documents that differ', `${whole.metric}\n${whole.metric.replace('70000', '283')}`],
    ['a document that is cut off', whole.metric.slice(0, -20)],
    ['a second document that is cut off', `${whole.metric}\n${whole.metric.slice(0, -20)}`],
    ['only the CPUs', cpus],
    ['a list of something else', '[{"card": 0}]'],
  ])('%s: this is not understood', (_, metric) => {
    expect(() => metrics(metric)).toThrow(expect.objectContaining({ code: 'driver-failed' }))
  })
})

describe('amd-smi is queried again for one GPU', () => {
  const zero = output([{ used: mb(258_000) }, {}])
  const bulk = JSON.stringify([0, 1].map((gpu) => ({ gpu, process_list: [info(UNUSED_PID, bytes(0))] })))
  const single = JSON.stringify([{ gpu: 0, process_list: [info(UNUSED_PID, bytes(270_846_402_560))] }])

  async function probe(answer: string) {
    const folder = await mkdtemp(join(tmpdir(), 'canhazgpu-amd-'))
    const files = {
      'list.json': zero.list,
      'asic.json': zero.asic,
      'metric.json': zero.metric,
      'process.json': bulk,
      'first.sh': `if [ "$1 $2" = "process --gpu" ]; then echo "$3" >> "$here/asked"; ${answer}; exit; fi`,
    }
    try {
      const { readings } = await amdSmiProvider(await programEnvironment('amd-smi', files, folder)).probe(
        20_000,
      )
      const asked = await Bun.file(join(folder, 'asked')).text()
      return {
        asked,
        processes: readings.map(({ state }) => (state.kind === 'measured' ? state.processes : [])),
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  test('that a process without memory uses', async () => {
    const { asked, processes } = await probe(`echo '${single}'`)
    expect(asked).toBe('0\n')
    expect(processes).toMatchObject([[{ pid: UNUSED_PID, memoryMb: 258_299 }], []])
  })

  test.each(["echo '[]'", 'exit 1', "echo 'what'", `echo '${bulk}'`])(
    'and the first answer counts if the second has no more: %s',
    async (answer) => {
      expect((await probe(answer)).processes).toEqual([[], []])
    },
  )
})

describe('amd-smi for a user outside the groups of the GPUs', () => {
  const WARNING =
    'WARNING: User is missing the following required groups: render, video. Please add user to these groups.'
  const { list, asic, metric, process } = output([{}])
  const documents = { 'list.json': list, 'asic.json': asic, 'metric.json': metric, 'process.json': process }

  async function probe(files: Record<string, string>) {
    const folder = await mkdtemp(join(tmpdir(), 'canhazgpu-amd-'))
    try {
      return await amdSmiProvider(await programEnvironment('amd-smi', files, folder)).probe(20_000)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  test('may answer after its warning', async () => {
    const { readings } = await probe({ ...documents, 'first.sh': `echo '${WARNING}'` })
    expect(readings).toMatchObject([{ state: { kind: 'measured', memoryUsedMb: 283 } }])
  })

  test.each([
    `echo '${WARNING}'; echo 'Traceback (most recent call last)' >&2; echo 'AmdSmiLibraryException: 34' >&2; exit 1`,
    `echo '${WARNING}'; echo '[]'; exit`,
  ])('has failed if it does not answer, and the hint names the remedy: %s', async (answer) => {
    const failed = await probe({ 'first.sh': answer }).catch((error) => error)
    expect(failed).toMatchObject({
      code: 'driver-failed',
      message: 'amd-smi: User is missing the following required groups: render, video',
      hint: expect.stringContaining('sudo usermod -aG render,video USER'),
    })
  })
})

describe('an APU whose used GTT is not reported', () => {
  const apu = (processes?: object): Card => ({
    used: mb(480),
    total: mb(512),
    metric: {
      mem_usage: { total_vram: mb(512), used_vram: mb(480), total_gtt: mb(126_976), used_gtt: 'N/A' },
    },
    ...(processes === undefined ? {} : { processes }),
  })

  test('is judged by its processes', () => {
    expect(read([apu()])).toMatchObject([{ kind: 'measured', memoryUsedMb: 0, memoryBy: 'processes' }])
    const loaded = { process_list: [info(UNUSED_PID, bytes(0), { gtt_mem: bytes(20 * GIB) })] }
    expect(read([apu(loaded)])).toMatchObject([{ memoryUsedMb: 20_480, processes: [{ memoryMb: 20_480 }] }])
  })

  test('has a process of unknown memory if its GTT is not reported either', () => {
    const [state] = read([apu({ process_list: [info(UNUSED_PID, bytes(0))] })])
    expect(state).toMatchObject({ memoryBy: 'processes', processes: [{ pid: UNUSED_PID }] })
    expect(JSON.stringify(state)).not.toContain('memoryMb')
  })

  test('is faulty if the processes are unknown too', () => {
    expect(read([apu({})])).toMatchObject([{ kind: 'fault' }])
  })
})

test('memory of a process without an id is a fault', () => {
  const nameless = { process_info: { name: 'N/A', pid: 'N/A', memory_usage: { vram_mem: bytes(30 * GIB) } } }
  expect(read([{ processes: { process_list: [nameless] } }])).toEqual([
    { kind: 'fault', reason: expect.stringMatching(/^processes: /) },
  ])
})

test.each(['N/A', 'AMDSMI_STATUS_NO_PERM'])(
  'an unread process, %p, does not show a GPU to be idle',
  (words) => {
    const processes = { process_list: [{ process_info: words }] }
    expect(read([{ used: 'N/A', total: 'N/A', processes }])).toMatchObject([{ kind: 'fault' }])
    expect(read([{ used: mb(283), processes }])).toMatchObject([{ kind: 'measured', memoryUsedMb: 283 }])
  },
)
