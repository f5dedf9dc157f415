import { mkdirSync } from 'node:fs'
import { binary, type TestPool, testPool } from './pool.ts'

/** A pool that a daemon serves; its commands reach it by the socket. */
export interface DaemonPool extends TestPool {
  readonly socket: string
  readonly daemon: () => Bun.Subprocess
  /** Starts the daemon again, after it has ended; by default of this build. */
  restart(executable?: string): Promise<void>
  /** Ends the daemon by `kill -9`. */
  killDaemon(): Promise<void>
}

/** A daemon of this build with fake GPUs, which every user can reach. */
export async function daemonPool(gpus = 4): Promise<DaemonPool> {
  const pool = await testPool(0)
  const socket = `${pool.folder}/daemon.sock`
  const database = `${pool.folder}/own/pool.db`
  mkdirSync(`${pool.folder}/own`, { mode: 0o700 })
  const store = `unix://${socket}`
  pool.env.CANHAZGPU_STORE = store
  // The daemon reads the scenario of the fake driver, which a test may write later.
  pool.setFakeDriver({})
  const { [Symbol.dispose]: dispose } = pool
  let daemon = await started({ pool, socket, database })
  const served: DaemonPool = {
    ...pool,
    ...{ socket, store, database },
    daemon: () => daemon,
    restart: async (executable) => {
      daemon = await started({ pool, socket, database }, executable)
    },
    killDaemon: async () => {
      daemon.kill('SIGKILL')
      await daemon.exited
    },
    [Symbol.dispose]() {
      daemon.kill('SIGKILL')
      dispose.call(pool)
    },
  }
  if (gpus > 0) {
    const admin = await served.chg('admin', '--gpus', String(gpus), '--provider', 'fake')
    if (admin.status !== 0) throw new Error(`admin failed: ${admin.stderr}`)
  }
  return served
}

interface Place {
  readonly pool: TestPool
  readonly socket: string
  readonly database: string
}

async function started({ pool, socket, database }: Place, executable = binary): Promise<Bun.Subprocess> {
  const daemon = Bun.spawn([executable, 'daemon', '--socket', socket, '--pool', database], {
    env: { ...pool.env },
    cwd: '/',
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const reader = daemon.stdout.getReader()
  const { value } = await reader.read()
  const line = new TextDecoder().decode(value)
  if (!line.startsWith('Listening at ')) throw new Error(`the daemon did not start: ${line}`)
  return daemon
}
