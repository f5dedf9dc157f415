import type { ByteText } from '../kernel/libc/memory.ts'
import { readLinkInto, realPath } from '../kernel/libc/paths.ts'
import { fromByteText, inheritedEnvironment, variable } from './environment.ts'

const LONGEST_PATH = 4096

/** The path of the current folder, by the links in PWD if these lead to it; null if it was removed. */
export function currentFolder(): ByteText | null {
  const here = realPath('.')
  const target = new Uint8Array(LONGEST_PATH)
  const length = readLinkInto('/proc/self/cwd', target)
  if (here === null || length <= 0) return null
  const shown = variable(inheritedEnvironment(), 'PWD')
  if (shown?.startsWith('/') === true && realPath(fromByteText(shown)) === here) return shown
  return Buffer.from(target.buffer, 0, length).toString('latin1')
}
