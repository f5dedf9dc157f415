import { foreignStep, isRoot, isRootOwner } from '../files/ownership.ts'
import { realPath, statusOf } from '../kernel/libc/paths.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Folders that are searched whatever the environment says. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']
const OTHERS_WRITE = 0o022

/**
 * The environment in which the daemon starts the driver's programs: only a search path and the NVML library to load. As
 * root it has only folders that no other user controls, because `sudo` may keep the `PATH` of its caller.
 */
export function driverEnvironment({ PATH = '', CANHAZGPU_NVML_LIBRARY }: Environment): Environment {
  const folders = [...PATH.split(':').filter(isUsable), ...SYSTEM_FOLDERS]
  const nvml = CANHAZGPU_NVML_LIBRARY === undefined ? {} : { CANHAZGPU_NVML_LIBRARY }
  return { PATH: [...new Set(folders)].join(':'), ...nvml }
}

function isUsable(folder: string): boolean {
  if (!folder.startsWith('/')) return false
  if (!isRoot()) return true
  const status = statusOf(realPath(folder) ?? folder)
  if (typeof status === 'number' || !isRootOwner(status.uid) || (status.mode & OTHERS_WRITE) !== 0)
    return false
  return foreignStep(`${folder}/program`) === null
}
