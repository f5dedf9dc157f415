import { mkdirSync } from 'node:fs'
import { binary, embeddedPool, setUp, type TestPool } from './embedded.ts'
import { kill, pidsWith } from './processes.ts'

/** A pool that a daemon serves; its commands reach it by the socket. */
export interface DaemonPool extends TestPool {
  readonly socket: string
  readonly daemon: () => Bun.Subprocess
  /** Starts the daemon again, after it has ended; by default of this build. */
  restart(executable?: string): Promise<void>
  /** Ends the daemon by `kill -9`. */
  killDaemon(): Promise<void>
}

/** A daemon of this build with fake GPUs, which every user can reach; with 0 GPUs no pool is set up. */
export async function daemonPool(
  gpus = 4,
  variables: Readonly<Record<string, string>> = {},
  within: readonly string[] = [],
): Promise<DaemonPool> {
  const pool = await embeddedPool(0, variables, within)
  const socket = `${pool.folder}/daemon.sock`
  const database = `${pool.folder}/own/pool.db`
  mkdirSync(`${pool.folder}/own`, { mode: 0o700 })
  const store = `unix://${socket}`
  pool.env.CANHAZGPU_STORE = store
  // The daemon reads the scenario at each probe, and a test may write it later.
  pool.setFakeDriver({})
  const scenario = { CANHAZGPU_FAKE_USAGE: pool.env.CANHAZGPU_FAKE_USAGE ?? '' }
  delete pool.env.CANHAZGPU_FAKE_USAGE
  const start = (executable = binary) =>
    startDaemon([...within, executable, 'daemon', '--socket', socket, '--pool', database], {
      ...pool.env,
      ...scenario,
    })
  const { [Symbol.dispose]: dispose } = pool
  let daemon = await start()
  const served: DaemonPool = {
    ...pool,
    ...{ socket, store, database },
    daemon: () => daemon,
    restart: async (executable) => {
      daemon = await start(executable)
    },
    killDaemon: async () => {
      daemon.kill('SIGKILL')
      await daemon.exited
    },
    [Symbol.dispose]() {
      daemon.kill('SIGKILL')
      for (const pid of pidsWith(`CANHAZGPU_STORE=${store}`)) kill(pid, 'SIGKILL')
      dispose.call(pool)
    },
  }
  await setUp(served, gpus)
  return served
}

async function startDaemon(argv: string[], env: Record<string, string>): Promise<Bun.Subprocess> {
  const daemon = Bun.spawn(argv, {
    env,
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
