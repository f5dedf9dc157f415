import { dirname } from 'node:path'
import type { DiskSpace } from '../../domain/diagnosis/machine-rules.ts'
import { networkFilesystem } from '../files/filesystem.ts'
import { EACCES, ENOENT } from '../kernel/libc/errno.ts'
import { errorText } from '../kernel/libc/library.ts'
import { statfsInto } from '../kernel/libc/paths.ts'

/** `ST_RDONLY` of statfs(2). */
const READ_ONLY = 1

/**
 * The file system that holds the folder of this file, or the first folder above it that this account can see. `struct
 * statfs` on 64-bit Linux: f_bsize at byte 8, f_bavail at 32, f_files at 40, f_ffree at 48, f_flags at 80.
 */
export function diskSpace(file: string): DiskSpace | { readonly reason: string } {
  const buffer = new Uint8Array(256)
  for (let path = dirname(file); ; path = dirname(path)) {
    const failed = statfsInto(path, buffer)
    if (failed < 0) {
      if (path === '/' || ![ENOENT, EACCES].includes(-failed)) {
        return { reason: errorText(-failed) }
      }
      continue
    }
    const view = new DataView(buffer.buffer)
    const at = (offset: number) => Number(view.getBigUint64(offset, true))
    // File systems that create inodes as needed, such as btrfs, report none.
    const files = at(40)
    return {
      path,
      freeMb: Math.floor((at(8) * at(32)) / 2 ** 20),
      freeFiles: files === 0 ? Number.MAX_SAFE_INTEGER : at(48),
      isReadOnly: (at(80) & READ_ONLY) !== 0,
      network: networkFilesystem(path),
    }
  }
}
