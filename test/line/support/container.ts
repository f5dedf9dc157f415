import { readlinkSync } from 'node:fs'
import { type Finished, finished, type TestPool } from '../../support/pool.ts'

/** Why nothing can be put into a container here; null where it can. */
export const noContainers = (): string | null =>
  Bun.spawnSync(['unshare', '--pid', '--fork', '--mount-proc', '--uts', 'true'], { stderr: 'ignore' })
    .exitCode === 0
    ? null
    : 'namespaces cannot be made here'

/** From the first pid namespace one sees into every container, from any other one does not. */
export const hostSeesAll = readlinkSync('/proc/self/ns/pid') === 'pid:[4026531836]'

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
