import { readLocal } from './users.ts'

/** The groups whose members may use sudo: Debian and Ubuntu, RHEL and Arch, older Ubuntu. */
const GROUPS = /^(?:sudo|wheel|admin):[^:\n]*:\d+:([^:\n]*)$/gm

/** The members of these groups in `/etc/group`. */
export function administrators(group: string = readLocal('/etc/group')): readonly string[] {
  const names = [...group.matchAll(GROUPS)].flatMap(([, members = '']) => members.split(','))
  return [...new Set(names.map((name) => name.trim()).filter((name) => name !== '' && name !== 'root'))]
}
