import { missing } from './needs.ts'
import { type Finished, finished, type TestPool } from './pool.ts'

/** Only a process in the first pid namespace sees the processes of containers. */
export const isFirstPidNamespace = missing('first pid namespace') === null

/** A container without an image: its own pids, `/proc` and host name. */
const CONTAINER = ['--pid', '--fork', '--kill-child', '--mount-proc', '--uts']

/** Runs a shell script to its end in a new container that shares the pool. */
export async function inContainer(
  pool: TestPool,
  script: string,
  namespaces: readonly string[] = CONTAINER,
): Promise<Finished> {
  return finished(startContainer(pool, script, namespaces))
}

export function startContainer(
  pool: TestPool,
  script: string,
  namespaces: readonly string[] = CONTAINER,
): Bun.Subprocess<'ignore', 'pipe', 'pipe'> {
  const name = namespaces.includes('--uts') ? 'hostname somewhere-else; ' : ''
  return Bun.spawn(['unshare', ...namespaces, 'sh', '-c', `${name}${script}`], {
    env: pool.env,
    cwd: pool.folder,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
}
