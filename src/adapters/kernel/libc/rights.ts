import { c, symbolsOf } from './library.ts'

export const effectiveUid = (): number => c.geteuid()

/**
 * No account has this id: systemd and distributions assign none above 2^31. So no account may signal a process with it.
 */
const UNASSIGNED_UID = 0xffff_fff0

/**
 * Gives this process, with all its threads, the rights of another account without supplementary groups; final. The
 * account cannot stop, kill or trace this process: the kernel compares the sender with the real and the saved uid of the
 * target, and only the effective uid is the account's. The C library's functions are loaded only here: the system calls
 * themselves change one thread only.
 */
export function takeRightsOf(uid: number, gid: number): void {
  const { setgroups, setresgid, setresuid } = symbolsOf('libc.so.6', {
    setgroups: { args: ['u64', 'ptr'], returns: 'int' },
    setresgid: { args: ['u32', 'u32', 'u32'], returns: 'int' },
    setresuid: { args: ['u32', 'u32', 'u32'], returns: 'int' },
  })
  const isDone =
    setgroups(0, null) === 0 &&
    setresgid(gid, gid, gid) === 0 &&
    setresuid(UNASSIGNED_UID, uid, UNASSIGNED_UID) === 0
  if (!isDone) throw new Error(`cannot take the rights of uid ${uid}`)
}
