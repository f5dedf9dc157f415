import { expect } from 'bun:test'
import { mkdirSync } from 'node:fs'
import { Glob } from 'bun'
import { testPool } from '../support/pool.ts'
import { root } from '../support/sources.ts'
import { ownGroup, ownName } from '../support/unix-users.ts'
import { originalPool } from './original.ts'
import {
  bookedByAnn,
  busyMachine,
  machineWithDriver,
  models,
  own,
  poolWith,
  released,
  reserved,
  running,
  usedBefore,
  usedByBob,
  waiting,
  withBookings,
} from './others.ts'
import { type Situations, testPage } from './page.ts'

const H100 = 'NVIDIA H100 80GB HBM3'
const A100 = 'NVIDIA A100-SXM4-40GB'
/** In place of `students`. */
const group = ownGroup()

/** The situations of the pages in docs/commands. */
const SITUATIONS: Readonly<Record<string, Situations>> = {
  README: {
    'canhazgpu run --gpu-type h100,a100 --min-memory 40G -- python train.py': {
      pool: () => poolWith(8, models(A100, A100, A100, A100, H100, H100, H100, H100)),
      before: (pool) => reserved(pool, 'carol', '0-1'),
    },
  },
  admin: {
    'sudo canhazgpu admin --import redis://localhost:6379 --dry-run': originalPool,
    'sudo canhazgpu admin --gpus 8': {
      pool: () => testPool(0),
      before: async (pool) => {
        pool.env.CANHAZGPU_ADMIN_PROVIDER = 'fake'
      },
    },
    'canhazgpu admin --show': { varying: /Provider: \w+/g },
    'sudo canhazgpu admin --check': {
      before: async (pool) => {
        await reserved(pool, 'alice', '0-6')
        await running(pool, 'carol', '7')
        await waiting(pool, 'bob')
      },
      varying: /\d+ usage records/g,
    },
    'sudo canhazgpu admin': { pool: machineWithDriver, varying: /\(nvml\)|\(nvidia-smi\)/g },
    'sudo canhazgpu admin --refresh': {
      pool: () => testPool(2),
      before: async (pool) =>
        pool.setFakeDriver({ gpus: { 0: { uuid: 'GPU-new-0' }, 1: { uuid: 'GPU-new-1' } } }),
    },
  },
  daemon: {
    'sudo canhazgpu daemon': {
      pool: () => testPool(0),
      before: async (pool) => {
        mkdirSync(`${pool.folder}/daemon`, { mode: 0o700 })
        pool.env.CANHAZGPU_DAEMON_SOCKET = `${pool.folder}/daemon.sock`
        pool.env.CANHAZGPU_DAEMON_POOL = `${pool.folder}/daemon/pool.db`
      },
      serves: true,
      varying: /\/\S+\/daemon\.sock/g,
    },
  },
  doctor: {
    'canhazgpu doctor driver disk': {
      pool: machineWithDriver,
      before: (pool) => pool.chg('admin', '--gpus', '8'),
      varying: /(?<=driver )NVIDIA driver .*? (?=\d)|(?<=disk )\d+|(?<= at )\S+/g,
    },
    'sudo canhazgpu doctor --bundle /tmp/report.tar.gz': { pool: machineWithDriver },
    // What it finds is about the machine, so only the names of the checks are the same.
    'canhazgpu doctor': {
      pool: machineWithDriver,
      before: (pool) => pool.chg('admin', '--gpus', '8'),
      varying: [
        /^ok devices .*$/gm,
        /^(ok|warning|unknown|failure) (?=\w)/gm,
        /(?<=^~\w+) .*$/gm,
        /^ .*$/gm,
        /^\d+ failures?, .*$/gm,
      ],
    },
  },
  drain: {
    'sudo canhazgpu drain 3 --reason "fan"': { before: (pool) => reserved(pool, 'bob', '1', '2h') },
  },
  extend: {
    'canhazgpu extend --gpu-ids 1 30m': {
      before: async (pool) => {
        for (const gpu of ['0', '1']) await reserved(pool, 'ann', gpu, '2h')
      },
    },
    'canhazgpu extend 2h': { before: (pool) => reserved(pool, 'ann', '0-1', '2h') },
    'canhazgpu extend 2h (2)': {
      pool: () => testPool(1),
      before: async (pool) => {
        await reserved(pool, 'ann', '0', '2h')
        await waiting(pool, 'bob')
      },
    },
  },
  policy: {
    'sudo canhazgpu policy set max-gpus 4': {
      before: (pool) => reserved(pool, 'ann', '0'),
      instead: async () => ({ students: group }),
      varying: new RegExp(`\\b(students|${group})\\b|\\b(root|${ownName()})\\b`, 'g'),
    },
    'canhazgpu policy --history': {
      before: async (pool) => {
        const set = (...words: string[]) => pool.chg('policy', 'set', ...words)
        await set('max-gpus', '4')
        await set('max-gpus', '4', '--group', group)
        await set('max-gpus', '2', '--group', group, '--reason', 'exam week')
        await pool.chg('drain', '3', '--reason', 'fan')
      },
      varying: [
        new RegExp(`\\b(students|${group})\\b|\\b(root|${ownName()})\\b|\\b(nvml|fake)\\b`, 'g'),
        // Only some machines record who logged in.
        /(?<=UID)( LOGIN)?(?= CHANGE)/g,
        /(?<=^DATE ~ )\d+( \w+ \(\d+\))? /gm,
      ],
    },
  },
  queue: {
    'canhazgpu queue': {
      pool: () => testPool(4),
      before: async (pool) => {
        await reserved(pool, 'alice', '1-2')
        await running(pool, 'bob', '3')
        await waiting(pool, 'carol', '--gpus', '3', '--timeout', '2h', '--note', 'big one')
        await waiting(pool, 'ben', '--gpu-ids', '1')
      },
    },
  },
  release: {
    'canhazgpu release 3f2a8c1e90ab': {
      instead: async (pool) => ({ '3f2a8c1e90ab': await bookedByAnn(pool) }),
    },
    'canhazgpu release': {
      before: async (pool) => {
        await reserved(pool, 'ann', '1,3')
        await running(pool, 'ann', '0')
      },
    },
  },
  report: {
    'canhazgpu report --days 7': {
      before: async (pool) => {
        usedBefore(pool, 'alice', { hours: 24.5, run: 12, manual: 8 })
        usedBefore(pool, 'bob', { hours: 15.25, run: 6, manual: 15 })
        usedBefore(pool, 'carol', { hours: 4.6, run: 3, manual: 2 })
      },
    },
  },
  reserve: {
    'canhazgpu reserve': {
      pool: () => testPool(4),
      before: (pool) => reserved(pool, 'carol', '0'),
      onTerminal: true,
      varying: /\[[\d, ]+\]|(?<=VISIBLE_DEVICES=)[\d,]+/g,
    },
    'eval "$(canhazgpu reserve --export --wait)"': {
      check: (calls) => {
        const [python, docker] = calls
        expect(python).toMatchObject({ program: 'python', args: ['train.py'], cuda: '1' })
        expect(docker?.args).toEqual(['run', '--gpus', '"device=2"', 'my-image'])
      },
    },
    "canhazgpu reserve --gpus 2 --at 'tomorrow 9:00' --duration 4h": { before: withBookings },
  },
  restore: {
    'sudo canhazgpu restore 0-7 --reason "new power supply"': { before: (pool) => pool.chg('drain', '1,3') },
    'sudo canhazgpu restore 3': { before: (pool) => pool.chg('drain', '3') },
  },
  run: {
    'canhazgpu run --wait --timeout 2h --note "ablation 3" -- python train.py': {
      pool: () => testPool(3),
      before: async (pool) => {
        await running(pool, 'carol', '0-1')
        await reserved(pool, 'alice', '2')
      },
      meanwhile: (pool) => released(pool, '2'),
    },
    'canhazgpu run --gpus 2 -- python train.py': {
      pool: () => testPool(4),
      before: async (pool) => {
        await reserved(pool, 'carol', '3')
        await running(pool, 'alice', '2')
        pool.setFakeDriver(usedByBob(1))
      },
    },
  },
  schedule: {
    'canhazgpu schedule': {
      pool: () => testPool(4),
      before: async (pool) => {
        await running(pool, 'carol', '2')
        await pool.chg('drain', '3')
        await bookedByAnn(pool)
        await reserved(pool, 'ben', '1')
      },
    },
  },
  status: {
    'canhazgpu status': { before: busyMachine, varying: /(?<=DRAINED by )\S+/g },
    'canhazgpu status --free': { before: busyMachine },
    'canhazgpu status --table': {
      pool: () => testPool(4),
      before: async (pool) => {
        await pool.chg('reserve', '--gpu-ids', '1', '--user', 'alice', '--note', 'llama')
        const serving = own('alice', 8452, 'vllm serve meta-llama/Llama-3.1-8B')
        const { gpus } = usedByBob(3)
        pool.setFakeDriver({ gpus: { ...gpus, 0: { memory_used_mb: 45 }, 1: { processes: [serving] } } })
      },
    },
    'canhazgpu status --summary': {
      pool: () => poolWith(8, models(...Array.from({ length: 8 }, () => 'NVIDIA H200' as const))),
      before: (pool) => reserved(pool, 'ann', '0-2'),
    },
  },
  web: {
    'canhazgpu web --host 127.0.0.1': {
      before: async (pool) => {
        pool.env.CANHAZGPU_WEB_PORT = '0'
      },
      serves: true,
    },
    'canhazgpu web --port 3000': {
      instead: async () => ({ 3000: '0' }),
      serves: true,
      varying: /(?<=gpu-box:)\d+/g,
    },
    'canhazgpu web --demo --host 127.0.0.1': {
      before: async (pool) => {
        pool.env.CANHAZGPU_WEB_PORT = '0'
      },
      serves: true,
    },
  },
}

for (const file of [...new Glob('*.md').scanSync(`${root}docs/commands`)].toSorted()) {
  testPage(`docs/commands/${file}`, SITUATIONS[file.replace('.md', '')])
}
