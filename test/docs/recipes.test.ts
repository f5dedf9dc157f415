import { expect } from 'bun:test'
import { chmodSync, writeFileSync } from 'node:fs'
import { Glob } from 'bun'
import { storedPool } from '../support/database.ts'
import { finished, type TestPool } from '../support/pool.ts'
import { root } from '../support/sources.ts'
import { ownName } from '../support/unix-users.ts'
import { until } from '../support/until.ts'
import { reserved } from './others.ts'
import { type Situations, testPage } from './page.ts'
import { type Call, callsOf, hasItsGpus } from './programs.ts'

/** Every program has started with GPUs, and all GPUs are free again. */
const inTheBackground = (count: number) => async (_: readonly Call[], pool: TestPool) => {
  const calls = await until('the programs have started', () => {
    const found = callsOf(pool)
    return found.length === count ? found : null
  })
  expect(calls.filter((call) => !hasItsGpus(call))).toEqual([])
  await until('everything is released', () => storedPool(pool).reservations.length === 0)
}

/** Types a command line of a JSON file, as the program that reads this file does. */
async function typeWords(pool: TestPool, words: readonly string[]): Promise<readonly Call[]> {
  const options = {
    env: pool.env,
    cwd: pool.folder,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  } as const
  const [program = '', ...args] = words
  const { status, stderr } = await finished(
    Bun.spawn([`${pool.folder}/programs/${program}`, ...args], options),
  )
  expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining('Reserved 1 GPU') })
  return callsOf(pool)
}

const exactly = (...expected: readonly Partial<Call>[]) => {
  return (calls: readonly Call[]) => expect(calls).toMatchObject([...expected])
}

/** The situations of the recipes. */
const SITUATIONS: Readonly<Record<string, Situations>> = {
  jupyter: {
    'mkdir -p ~/.local/share/jupyter/kernels/gpu': {
      check: async (_, pool) => {
        const file = `${pool.folder}/.local/share/jupyter/kernels/gpu/kernel.json`
        const { argv } = JSON.parse(await Bun.file(file).text())
        const calls = await typeWords(pool, argv)
        exactly({
          program: 'python',
          cuda: '0',
          args: ['-m', 'ipykernel_launcher', '-f', '{connection_file}'],
        })(calls)
      },
    },
    'jupyter lab --no-browser --MappingKernelManager.cull_idle_timeout=3600': {
      check: exactly({ program: 'jupyter', cuda: '' }),
    },
  },
  'tmux-screen': {
    "tmux new-session -d -s train 'canhazgpu run --wait --timeout 12h -- python train.py > train.log 2>&1'": {
      needs: 'tmux',
      check: inTheBackground(1),
    },
    "screen -dmS train sh -c 'canhazgpu run --wait --timeout 12h -- python train.py > train.log 2>&1'": {
      // Starts the command as screen does: in a new session, without a terminal of the caller.
      before: async (pool) => {
        const script = '#!/bin/sh\nshift 2\nexec setsid "$@" < /dev/null > /dev/null 2>&1 &\n'
        writeFileSync(`${pool.folder}/programs/screen`, script)
        chmodSync(`${pool.folder}/programs/screen`, 0o755)
      },
      check: inTheBackground(1),
    },
    'nohup canhazgpu run --wait --timeout 12h -- python train.py > train.log 2>&1 &': {
      check: inTheBackground(1),
    },
  },
  'docker-podman': {
    'canhazgpu run --gpus 2 -- docker run --rm --runtime=nvidia -e NVIDIA_VISIBLE_DEVICES my-image python train.py':
      {
        before: (pool) => reserved(pool, 'carol', '0'),
        check: exactly({ program: 'docker', nvidia: '1,2' }),
      },
    'canhazgpu run --gpus 2 -- docker compose run --rm train': {
      check: exactly({ program: 'docker', nvidia: '0,1', args: ['compose', 'run', '--rm', 'train'] }),
    },
    'canhazgpu run --gpus 2 -- bash -c \\': {
      before: (pool) => reserved(pool, 'carol', '0,2'),
      check: exactly({
        program: 'podman',
        args: [
          ...['run', '--rm', '--device', 'nvidia.com/gpu=1', '--device', 'nvidia.com/gpu=3'],
          ...['my-image', 'python', 'train.py'],
        ],
      }),
    },
  },
  vscode: {
    'canhazgpu run --timeout 1h -- python -m debugpy --listen 5678 --wait-for-client train.py': {
      check: async (calls, pool) => {
        exactly({ cuda: '0', args: ['-m', 'debugpy', '--listen', '5678', '--wait-for-client', 'train.py'] })(
          calls,
        )
        const page = await Bun.file(`${root}docs/recipes/vscode.md`).text()
        const [launch = '', attach = ''] = [...page.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(
          ([, json]) => json,
        )
        expect(JSON.parse(attach).configurations[0].connect.port).toBe(5678)
        const [{ python }] = JSON.parse(launch).configurations
        const words = python.map((word: string) => (word.startsWith('$') ? 'python3' : word))
        const [, started] = await typeWords(pool, [...words, 'train.py'])
        expect(started).toMatchObject({ program: 'python3', cuda: '1', args: ['train.py'] })
      },
    },
    "canhazgpu reserve --duration 2h --note debugging --export | sed 's/^export //; s/ /\\n/g' > gpu.env": {
      check: async (_, pool) => {
        const lines = (await Bun.file(`${pool.folder}/gpu.env`).text()).split('\n')
        expect(lines).toEqual([
          'CUDA_VISIBLE_DEVICES=0',
          'CUDA_DEVICE_ORDER=PCI_BUS_ID',
          'NVIDIA_VISIBLE_DEVICES=0',
          '',
        ])
      },
    },
  },
  ci: {
    'sudo canhazgpu policy set max-gpus 2 --account gitlab-runner': {
      instead: async () => ({ 'gitlab-runner': ownName() }),
    },
  },
  'multi-gpu': {
    'canhazgpu run --gpus 4 --wait --timeout 12h -- torchrun --standalone --nproc-per-node gpu train.py': {
      check: exactly({ program: 'torchrun', cuda: '0,1,2,3' }),
    },
    'canhazgpu run --gpus 2 --wait --timeout 12h -- sh -c \\': {
      check: exactly({ program: 'accelerate', args: ['launch', '--num_processes', '2', 'train.py'] }),
    },
    'for seed in 1 2 3 4; do': { check: inTheBackground(4) },
  },
}

for (const file of [...new Glob('*.md').scanSync(`${root}docs/recipes`)].toSorted()) {
  testPage(`docs/recipes/${file}`, SITUATIONS[file.replace('.md', '')])
}
