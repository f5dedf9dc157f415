import { errorText } from '../adapters/kernel/libc/library.ts'
import { changeFolder } from '../adapters/kernel/libc/paths.ts'
import { fromByteText } from '../adapters/process/environment.ts'
import { snapshotInherited } from '../adapters/process/inherited.ts'
import { Answer } from '../adapters/ssh/answer.ts'
import { CallerService } from '../adapters/ssh/serve-caller.ts'
import { startHosted } from '../adapters/ssh/start-hosted.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import { decodeRequest, type RemoteCommand, type RemoteSnapshot } from '../domain/fleet/remote-request.ts'
import { folderFailure, requestFailure } from '../views/words/host-failures.ts'
import { VERSION } from './version.ts'

/** `canhazgpu __remote <request>`: performs the request of another host on the standard streams, which are those of SSH. */
export async function remoteMain(argument: string): Promise<number> {
  const answer = new Answer()
  try {
    const decoded = decodeRequest(argument)
    if (decoded.kind !== 'request') throw requestFailure(decoded, VERSION)
    const { request } = decoded
    if (request.operation === 'snapshot') answer.document(await snapshot(request))
    else serve(request)
    return 0
  } catch (error) {
    if (!(error instanceof Error)) throw error
    answer.fail(error instanceof CanhazgpuError ? error : new CanhazgpuError('failure', error.message))
    return 1
  }
}

async function snapshot({ part }: RemoteSnapshot): Promise<string> {
  const { snapshotPart } = await import('./remote-snapshot.ts')
  return snapshotPart(part)
}

function serve(request: RemoteCommand): void {
  const inherited = snapshotInherited()
  const { folder } = request
  const failure = folder === undefined ? 0 : changeFolder(folder)
  if (failure < 0) throw folderFailure(fromByteText(folder ?? ''), errorText(-failure))
  new CallerService(startHosted(request, inherited)).run()
}
