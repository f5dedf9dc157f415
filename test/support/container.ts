import { missing } from './needs.ts'
import { type Finished, finished, type TestPool } from './pool.ts'

/** From the first pid namespace one sees into every container, from any other one does not. */
export const hostSeesAll = missing('first pid namespace') === null

/** What a container is made of, but for the image: pids, `/proc` and a host name of its own. */
const CONTAINER = ['--pid', '--fork', '--kill-child', '--mount-proc', '--uts']

/** Runs a shell script in a container of its own that shares the pool, to its end. */
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
