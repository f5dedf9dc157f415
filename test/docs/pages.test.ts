import { describe, expect, test } from 'bun:test'
import { Glob } from 'bun'
import { testPool } from '../support/pool.ts'
import { root } from '../support/sources.ts'
import { wait } from '../support/waiters.ts'
import { examplesOf } from './examples.ts'
import { hostThatCannotPublish, hostThatIsBehind, machineThatSees, THREE_HOSTS, TWO_HOSTS } from './hosts.ts'
import { NOT_RUN, TYPED_ELSEWHERE } from './not-run.ts'
import { originalPool } from './original.ts'
import { bookedByAnn, machineWithDriver, own, reserved, running, startWith, withBookings } from './others.ts'
import { type Situations, testPage } from './page.ts'

/** The situations of the pages in docs itself. */
const SITUATIONS: Readonly<Record<string, Situations>> = {
  bookings: {
    "canhazgpu reserve --gpus 2 --at 'tomorrow 9:00' --duration 4h --note demo": { before: withBookings },
    "canhazgpu reserve --gpus 8 --at 'tomorrow 9:00' --duration 2h": { before: bookedByAnn },
    'canhazgpu schedule': {
      pool: () => testPool(4),
      before: async (pool) => {
        await bookedByAnn(pool)
        await startWith(pool, '--gpu-ids', '1', '--user', 'ben', '--timeout', '4h')
        await reserved(pool, 'carol', '3')
      },
    },
    'canhazgpu run -- python train.py': {
      pool: () => testPool(4),
      before: async (pool) => {
        await withBookings(pool)
        await reserved(pool, 'carol', '0-2', '8h')
        await pool.chg('reserve', '--gpu-ids', '3', '--at', 'in 4h', '--duration', '2h', '--user', 'ann')
      },
      varying: /(?<=--timeout )\S+( \d+m)?/g,
    },
    'canhazgpu release 3f2a8c1e90ab': {
      instead: async (pool) => ({ '3f2a8c1e90ab': await bookedByAnn(pool) }),
    },
  },
  fleet: {
    'canhazgpu status --all --summary': { pool: () => machineThatSees(THREE_HOSTS), needs: 'redis-server' },
    'canhazgpu status --all': { pool: () => machineThatSees(TWO_HOSTS), needs: 'redis-server' },
    'canhazgpu queue --all': {
      pool: hostThatCannotPublish,
      needs: 'redis-server',
      varying: /(?<=notice board at )\S+/g,
    },
    'canhazgpu doctor board': { pool: hostThatIsBehind, needs: 'redis-server' },
  },
  'quick-start': {
    'canhazgpu status': {
      pool: () => testPool(2),
      before: async (pool) => {
        await running(pool, 'alice', '1')
        pool.setFakeDriver({ gpus: { 1: { processes: [own('alice', 8452)] } } })
      },
    },
    'canhazgpu reserve --duration 2h': { onTerminal: true },
    'sudo canhazgpu admin --gpus 8': { pool: machineWithDriver },
  },
  'coming-from-russellb': {
    'sudo canhazgpu admin --import redis://localhost:6379 --dry-run': originalPool,
    'canhazgpu run --wait -- python train.py': {
      // With the configuration that the page shows, requests wait without the flag.
      check: async (_, pool) => {
        const page = await Bun.file(`${root}docs/coming-from-russellb.md`).text()
        const [, yaml = ''] = /^```yaml\n([\s\S]*?)^```$/m.exec(page) ?? []
        await Bun.write(`${pool.folder}/.canhazgpu.yaml`, yaml)
        await reserved(pool, 'carol', '0-7')
        for (const request of [['run', '--', 'true'], ['reserve']]) await wait(pool, ...request)
      },
    },
    'canhazgpu reserve --claim --duration 8h': {
      before: async (pool) => pool.setFakeDriver({ gpus: { 0: { processes: [own('ann', 8452)] } } }),
    },
  },
  web: {
    'canhazgpu web --host 127.0.0.1': {
      before: async (pool) => {
        pool.env.CANHAZGPU_WEB_PORT = '0'
      },
      serves: true,
    },
  },
}

const PAGES = ['README.md', ...new Glob('docs/**/*.md').scanSync(root)]
/** Folders with tests of their own in test/docs. */
const FOLDERS = ['administration', 'commands', 'recipes']

describe('every example of every page is typed by a test', () => {
  test('or has a reason', () => {
    const others = PAGES.filter((page) => /^docs\/.*\//.test(page) && examplesOf(page).length > 0)
    expect(others.filter((page) => !FOLDERS.includes(page.split('/')[1] ?? ''))).toEqual([])
    expect(Object.keys(NOT_RUN).filter((page) => !PAGES.includes(page))).toEqual([])
  })

  test('or the page has a test of its own', async () => {
    for (const [page, file] of Object.entries(TYPED_ELSEWHERE)) {
      expect(PAGES).toContain(page)
      expect(await Bun.file(root + file).text()).toContain(page)
    }
  })

  test('and docs/README.md leads to every page, by the index of its folder', async () => {
    const index = await Bun.file(`${root}docs/README.md`).text()
    const names = [...new Glob('{*,*/README}.md').scanSync(`${root}docs`)].filter(
      (name) => name !== 'README.md',
    )
    expect(names.filter((name) => !index.includes(`](${name}`))).toEqual([])
  })

  test('no example is hidden in a list', async () => {
    const texts = await Promise.all(PAGES.map((page) => Bun.file(root + page).text()))
    expect(PAGES.filter((_, nth) => /^ +```(console|sh|bash|zsh|fish)/m.test(texts[nth] ?? ''))).toEqual([])
  })
})

for (const file of [...new Glob('*.md').scanSync(`${root}docs`)].toSorted()) {
  const page = `docs/${file}`
  if (!(page in TYPED_ELSEWHERE)) testPage(page, SITUATIONS[file.replace('.md', '')])
}
