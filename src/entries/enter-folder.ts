import { errorText } from '../adapters/kernel/libc/library.ts'
import { changeFolder } from '../adapters/kernel/libc/paths.ts'
import { toByteText } from '../adapters/process/environment.ts'
import { folderFailure } from '../views/words/host-failures.ts'

/** Changes to the folder of `--workdir` if this host performs the command itself. Throws if it cannot be used. */
export function enterFolder(workdir: string | undefined): void {
  const failure = workdir === undefined ? 0 : changeFolder(toByteText(workdir))
  if (failure < 0) throw folderFailure(workdir ?? '', errorText(-failure))
}
