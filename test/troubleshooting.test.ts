import { afterEach, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { nvidiaSmiFiles, programEnvironment } from './adapters/gpu/simulated-drivers.ts'
import { EIGHT_H100, type SimulatedMachine } from './adapters/gpu/simulated-machine.ts'
import { daemonPool } from './support/daemon.ts'
import { binary, type TestPool, testPool } from './support/pool.ts'
import { root } from './support/sources.ts'
import { wait } from './support/waiters.ts'

/** docs/troubleshooting.md: each command line runs in the situation that its section is about. */
const page = await Bun.file(`${root}docs/troubleshooting.md`).text()

interface Shown {
  readonly typed: string
  readonly output: readonly string[]
}

/** The command lines and their outputs, by the title of their section. */
const sections = page
  .split(/^## /m)
  .slice(1)
  .map((text) => ({ title: text.split('\n')[0] ?? '', shown: shownIn(text) }))

function shownIn(text: string): readonly Shown[] {
  const blocks = [...text.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block)
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((each) => {
        const [typed = '', ...output] = each.trimEnd().split('\n')
        return { typed, output }
      }),
  )
}

const pools: TestPool[] = []
afterEach(() => {
  for (const pool of pools.splice(0)) pool[Symbol.dispose]()
})

async function newPool(gpus: number): Promise<TestPool> {
  const pool = await testPool(gpus)
  pools.push(pool)
  return pool
}

async function withDriver(machine: SimulatedMachine): Promise<TestPool> {
  const pool = await newPool(0)
  mkdirSync(`${pool.folder}/driver`)
  Object.assign(
    pool.env,
    await programEnvironment('nvidia-smi', nvidiaSmiFiles(machine), `${pool.folder}/driver`),
  )
  pool.env.CANHAZGPU_NVML_LIBRARY = '/nowhere/none.so.1'
  pool.env.CANHAZGPU_PROBE_TIMEOUT = '2s'
  return pool
}

/** The situation of each section. */
const SITUATIONS: Readonly<Record<string, () => Promise<TestPool>>> = {
  'There is no pool yet': () => withDriver(EIGHT_H100),
  'A GPU looks free, but is not granted': async () => {
    const pool = await newPool(2)
    const bob = { pid: 12345, user: 'bob', uid: 1002, name: 'python3', memory_mb: 1536 }
    pool.setFakeDriver({ gpus: { '1': { processes: [bob] } } })
    return pool
  },
  'Not enough GPUs': async () => {
    const pool = await newPool(2)
    await pool.chg('reserve', '--gpu-ids', '1', '--user', 'carol', '--duration', '4h')
    writeFileSync(`${pool.folder}/python`, '#!/bin/sh\n', { mode: 0o755 })
    pool.env.PATH = `${pool.folder}:${pool.env.PATH}`
    return pool
  },
  'My request waits, and does not start': async () => {
    const pool = await newPool(1)
    await pool.chg('reserve', '--user', 'carol', '--duration', '4h')
    await wait(pool, 'reserve', '--user', 'ann', '--wait')
    return pool
  },
  'The driver does not answer': () => withDriver({ ...EIGHT_H100, behaviour: 'hangs' }),
  'The daemon does not answer': async () => {
    const pool = await daemonPool(1)
    pools.push(pool)
    await pool.killDaemon()
    return pool
  },
  'The pool cannot be used, or is damaged': async () => {
    const pool = await newPool(1)
    chmodSync(pool.database, 0o600)
    return pool
  },
  'A setting has no effect': async () => {
    const pool = await newPool(1)
    writeFileSync(`${pool.folder}/.canhazgpu.yaml`, 'no-color: true\n')
    return pool
  },
  'An old version answers': async () => {
    const pool = await newPool(1)
    mkdirSync(`${pool.folder}/bin`)
    writeFileSync(`${pool.folder}/bin/canhazgpu`, '#!/bin/sh\necho 0.0.9\n', { mode: 0o755 })
    pool.env.PATH = `${pool.folder}/bin:${pool.env.PATH}`
    return pool
  },
  'My program uses the wrong GPU': () => newPool(1),
  'My reservation is gone': () => newPool(1),
  'Times are wrong': () => newPool(1),
  'Report a bug': () => withDriver(EIGHT_H100),
}

test('every section has a command line and a situation', () => {
  expect(sections.map(({ title }) => title)).toEqual(Object.keys(SITUATIONS))
  expect(sections.filter(({ shown }) => shown.length === 0)).toEqual([])
})

test.each(sections.map(({ title, shown }) => [title, shown] as const))('%s', async (title, shown) => {
  const pool = (await SITUATIONS[title]?.()) ?? (await newPool(0))
  for (const { typed, output } of shown) {
    // The tests run as the owner of the pool, and as one account.
    const words = typed.replace(/^sudo /, '').replaceAll('/tmp/', `${pool.folder}/`)
    expect(words).toStartWith('canhazgpu ')
    const { stdout, stderr } = await pool.sh(words.replace(/^canhazgpu/, binary))
    const printed = normal(`${stdout}${stderr}`, pool)
    for (const line of output) expect(printed).toContain(normal(line, pool))
  }
})

/** Without what differs from machine to machine and from run to run. */
const normal = (text: string, pool: TestPool): string =>
  text
    .replaceAll(pool.database, '/var/lib/canhazgpu/pool.db')
    .replaceAll(/\/tmp\/report/g, `${pool.folder}/report`)
    .replaceAll('/home/ann', pool.folder)
    .replaceAll(/\d+h \d+m \d+s/g, 'TIME')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'NOW')
    .replaceAll(/(tomorrow )?\b\d\d:\d\d\b(?!:)/g, 'CLOCK')
    .replaceAll(/ +/g, ' ')
    .replaceAll(/(carol|ann) \([^)]+\)/g, '$1')
    .replaceAll(/, \/etc\/canhazgpu\/config\.yaml/g, '')
