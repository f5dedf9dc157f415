import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Environment, timeProgram } from './programs.ts'
import type { Bench } from './row.ts'

/** How commands reach the pool: its database, or a daemon. */
export type Mode = 'embedded' | 'daemon'

export interface BenchPool extends Disposable {
  /** Names the pool. */
  readonly env: Environment
  /** Path of the database. */
  readonly database: string
  readonly daemon?: Bun.Subprocess
}

/** A pool of simulated GPUs in the row's folder. A daemon also gets `daemonSettings`, as environment. */
export async function fakePool(
  bench: Pick<Bench, 'canhazgpu' | 'folder'>,
  gpus: number,
  mode: Mode = 'embedded',
  daemonSettings: Environment = {},
): Promise<BenchPool> {
  const { canhazgpu, folder } = bench
  const database = join(folder, 'pool', 'pool.db')
  const socket = join(folder, 'daemon.sock')
  const plain = plainEnvironment(folder)
  const daemon =
    mode === 'daemon'
      ? await startDaemon(canhazgpu, { socket, database, env: { ...plain, ...daemonSettings } })
      : undefined
  const env = {
    ...plain,
    CANHAZGPU_STORE: daemon === undefined ? `sqlite://${database}` : `unix://${socket}`,
  }
  timeProgram([canhazgpu, 'admin', '--gpus', String(gpus), '--provider', 'fake', '--force'], env)
  return {
    ...{ env, database },
    ...(daemon === undefined ? {} : { daemon }),
    [Symbol.dispose]: () => daemon?.kill(),
  }
}

interface Place {
  readonly socket: string
  readonly database: string
  readonly env: Environment
}

async function startDaemon(canhazgpu: string, { socket, database, env }: Place): Promise<Bun.Subprocess> {
  mkdirSync(join(database, '..'), { mode: 0o700 })
  const daemon = Bun.spawn([canhazgpu, 'daemon', '--socket', socket, '--pool', database], {
    env: { ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await daemon.stdout.getReader().read()
  return daemon
}

/** The same environment for every measured program. */
export function plainEnvironment(folder: string): Environment {
  return { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: folder, LANG: 'C.UTF-8' }
}

/** The name of a row in this mode. */
export const inMode = (name: string, mode: Mode): string => (mode === 'daemon' ? `${name}-daemon` : name)

export const modeWords = (mode: Mode): string => (mode === 'daemon' ? ', through the daemon' : '')
