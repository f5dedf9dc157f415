import { pidfdOpen } from '../adapters/kernel/libc/process.ts'
import { childrenEnded } from '../adapters/process/children.ts'
import { inheritable, startDetached } from '../adapters/process/detach.ts'
import { becomeCommand, typedCommand } from '../adapters/process/exec.ts'
import type { Inherited } from '../adapters/process/inherited.ts'
import { messageDescriptor } from '../adapters/process/message.ts'
import { selfCommandForShell, startedFrom } from '../adapters/process/self.ts'
import type { Launcher } from '../cli/context.ts'
import { socketPathIn } from '../domain/settings.ts'
import type { Publishing } from './publishing.ts'
import { encodeTask } from './supervisor-task.ts'

/**
 * A process that asked the driver may take this long to end: if it was the last user of the GPUs, the driver first shuts
 * them down. A command that uses them would wait as long.
 */
const DRIVER_SHUTDOWN_MS = 3000

/**
 * Starts the supervisor of this process, and executes the command at the end of the command line. With a daemon there
 * is no supervisor: the daemon watches this process itself.
 */
export function openLauncher(
  { store, publishing }: { readonly store: string; readonly publishing: Publishing | undefined },
  inherited: Inherited,
  argumentCount: number,
): Launcher {
  const command = typedCommand(argumentCount)
  return {
    startSupervisor: ({ reservation, process, units, limit = null }) => {
      if (socketPathIn(store) !== undefined) return
      const pidfd = inheritable(pidfdOpen(process.pid))
      const messages = messageDescriptor()
      const published = publishing === undefined ? {} : { publishes: { config: publishing.config } }
      const task = encodeTask({
        ...{ process, pidfd, messages, units, limit, program: startedFrom() },
        ...published,
      })
      const { command: supervisor, file } = selfCommandForShell(['__supervise', store, reservation, task])
      const passed = [pidfd, messages, file].filter((fd) => fd !== null)
      startDetached(supervisor, passed)
    },
    become: async (variables) => {
      // The command would get an unknown child.
      await childrenEnded(DRIVER_SHUTDOWN_MS)
      return becomeCommand({ ...command, inherited, set: variables })
    },
  }
}
