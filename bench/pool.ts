import { join } from 'node:path'
import { type Environment, timeProgram } from './programs.ts'
import type { Bench } from './row.ts'

/** Sets up a pool of simulated GPUs in the row's folder; the environment names it. */
export function fakePool(
  { canhazgpu, folder }: Pick<Bench, 'canhazgpu' | 'folder'>,
  gpus: number,
): Environment {
  const env = { ...plainEnvironment(folder), CANHAZGPU_STORE: `sqlite://${join(folder, 'pool')}/pool.db` }
  timeProgram([canhazgpu, 'admin', '--gpus', String(gpus), '--provider', 'fake', '--force'], env)
  return env
}

/** The same environment for every measured program. */
export function plainEnvironment(folder: string): Environment {
  return { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: folder, LANG: 'C.UTF-8' }
}
