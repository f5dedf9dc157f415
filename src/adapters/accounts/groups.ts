import { readText } from '../kernel/procfs.ts'
import { otherUserNamespace } from './user-namespace.ts'

/**
 * The Unix groups of this process, the effective one included. None in another user namespace: the ids there are not
 * the machine's, and any user can have any of them.
 */
export function currentGroups(): readonly number[] {
  if (otherUserNamespace() !== undefined) return []
  return groupsIn(readText('/proc/self/status') ?? '')
}

/** The groups in the text of `/proc/<pid>/status`. */
export function groupsIn(status: string): readonly number[] {
  const effective = /^Gid:\t\d+\t(\d+)\t/m.exec(status)?.[1]
  const others = /^Groups:\t([\d ]*)/m.exec(status)?.[1] ?? ''
  const listed = others.split(' ').filter((gid) => gid !== '')
  return [...(effective === undefined ? [] : [effective]), ...listed].map(Number)
}
