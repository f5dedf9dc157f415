import { statusOf } from '../kernel/libc/paths.ts'

/**
 * Names the time zone of this process by the variable TZ, or by the system's file. Two processes with the same name show
 * the same local times. To ask the runtime for the zone takes milliseconds.
 */
export function zoneIdentity(tz: string | undefined): string {
  if (tz !== undefined && tz !== '') return `TZ ${tz}`
  const file = statusOf('/etc/localtime')
  return typeof file === 'number' ? 'none' : `file ${file.device} ${file.inode()} ${file.modified()}`
}
