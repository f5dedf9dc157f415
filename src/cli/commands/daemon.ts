import { DEFAULT_POOL, DEFAULT_SOCKET } from '../../domain/settings.ts'
import type { DaemonDocument } from '../../views/schemas/daemon.ts'
import { command } from '../command.ts'
import type { RunningDaemon } from '../context.ts'
import { absolutePath } from '../options/kinds.ts'
import { option } from '../options/option.ts'

interface Serving {
  readonly daemon: RunningDaemon
  readonly stopped: Promise<void>
}

export const daemon = command({
  examples: [
    'sudo canhazgpu daemon',
    'canhazgpu daemon --socket /tmp/canhazgpu.sock --pool /srv/gpus/pool.db',
  ],
  options: [
    option('--socket <path>', `Socket at which commands reach the daemon (default: ${DEFAULT_SOCKET})`, {
      kind: absolutePath,
      default: DEFAULT_SOCKET,
    }),
    option('--pool <path>', `Database of the pool (default: ${DEFAULT_POOL})`, {
      kind: absolutePath,
      default: DEFAULT_POOL,
    }),
    option('--keep-trying', 'If it cannot start, try again after a second, and later every minute', {
      onlyTyped: true,
    }),
  ],
  async handle({ socket, pool }, context): Promise<Serving> {
    const daemon = await context.startDaemon({ socket, pool })
    return { daemon, stopped: context.untilStopped() }
  },
  text: ({ daemon: { socket } }) => ({ stdout: `Listening at ${socket}\n` }),
  json: ({ daemon: { socket } }): DaemonDocument => ({ socket }),
  async keepRunning({ daemon, stopped }) {
    await stopped
    daemon.close()
  },
})
