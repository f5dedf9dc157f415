import { hostname } from '../adapters/kernel/procfs.ts'
import type { HostedCommand, LookFurther } from '../cli/context.ts'
import { ANY_HOST, ownHostName } from '../domain/fleet/host-name.ts'
import { unknownHost } from '../views/words/host-failures.ts'
import { enterFolder } from './enter-folder.ts'
import { type Here, runThere } from './run-there.ts'

/** Runs this command on the host that it names (`Context.runOnHost`). Throws if it cannot be run there. */
export async function runOnHost(command: HostedCommand, here: Here): Promise<LookFurther | null> {
  const { remoteHosts, hostName } = here.settings
  if (command.host === ANY_HOST) {
    const { runOnAnyHost } = await import('./any-host.ts')
    return runOnAnyHost(command, here)
  }
  if (command.host === ownHostName(hostName, hostname())) {
    enterFolder(command.workdir)
    return null
  }
  const host = remoteHosts.find(({ name }) => name === command.host)
  if (host !== undefined) return runThere(command, host, here)
  throw unknownHost(command.host, remoteHosts)
}
