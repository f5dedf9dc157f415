import { readText } from '../kernel/procfs.ts'

/**
 * Names the time zone of this process by the variable TZ, or by the contents of the system's file. Two processes with the
 * same name show the same local times. To ask the runtime takes milliseconds.
 */
export const zoneIdentity = (tz: string | undefined): string =>
  tz === undefined || tz === '' ? `system ${Bun.hash(readText('/etc/localtime') ?? '')}` : `TZ ${tz}`
