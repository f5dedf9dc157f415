import { askHost } from '../adapters/ssh/ask-host.ts'
import { sshCommand } from '../adapters/ssh/ssh-command.ts'
import type { RemoteHost } from '../domain/fleet/host-name.ts'
import { encodeRequest } from '../domain/fleet/remote-request.ts'
import type { SnapshotPart } from '../domain/fleet/snapshot.ts'
import type { Millis } from '../domain/pool/model.ts'
import { callFailure } from '../views/words/host-failures.ts'
import { failureIn } from '../views/words/host-forecast.ts'
import { VERSION } from './version.ts'

/** Asks a host over SSH for a part of its snapshot, within the deadline. Throws `host-unreachable`, or why it has none. */
export async function readOverSsh(host: RemoteHost, part: SnapshotPart, deadline: Millis): Promise<string> {
  const request = encodeRequest({ operation: 'snapshot', part }, VERSION) ?? ''
  const answer = await askHost(sshCommand(host, request, deadline / 2), deadline)
  if (answer.kind !== 'answered') throw callFailure(answer, host)
  if (answer.status !== 0) throw failureIn(answer, host)
  return answer.output
}
