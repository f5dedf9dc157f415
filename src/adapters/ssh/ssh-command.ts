import type { RemoteHost } from '../../domain/fleet/host-name.ts'
import type { Millis } from '../../domain/pool/model.ts'

/**
 * The command line of `ssh` that runs this program on a host with one request. It asks nothing. The settings of the
 * account (`~/.ssh/config`) choose address, port, keys and proxies, but may not add forwardings or another command. A
 * connection that is open for sharing is used.
 */
export function sshCommand(host: RemoteHost, request: string, connectTimeout: Millis): readonly string[] {
  const settings = [
    'BatchMode=yes',
    `ConnectTimeout=${Math.max(1, Math.ceil(connectTimeout / 1000))}`,
    'LogLevel=ERROR',
    'ClearAllForwardings=yes',
    'ForwardX11=no',
    'ForwardAgent=no',
    'PermitLocalCommand=no',
    'RemoteCommand=none',
    // Other sessions could share a connection that this one opens, and its end, often by force, would end them.
    'ControlMaster=no',
  ]
  const account = host.account === undefined ? [] : ['-l', host.account]
  const options = settings.flatMap((setting) => ['-o', setting])
  return ['ssh', '-T', ...options, ...account, '--', host.name, `canhazgpu __remote ${request}`]
}

/** What `ssh` prints last if a jump host or proxy command has failed, which has printed why. */
const CONSEQUENCE =
  /^(kex_exchange_identification|banner exchange|ssh_dispatch_run_fatal): |^Connection (closed|reset) by .* port \d+$/

/** The last line that `ssh`, a program that it runs, or the shell there has printed: the reason of a failure. */
export function reasonIn(stderr: string): string | undefined {
  const lines = stderr.split(/[\r\n]+/).flatMap((line) => line.trim() || [])
  return lines.findLast((line) => !CONSEQUENCE.test(line)) ?? lines.at(-1)
}
