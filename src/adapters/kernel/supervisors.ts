import { statusOf } from './libc.ts'
import { listNumbers, readText } from './procfs.ts'

/** Whether a supervisor of this account runs for the reservation: `canhazgpu __supervise <store> <reservation> …`. */
export function hasSupervisor(reservation: string, uid: number): boolean {
  return listNumbers('/proc').some((pid) => {
    const words = readText(`/proc/${pid}/cmdline`)?.split('\0') ?? []
    const at = words.indexOf('__supervise')
    if (at < 1 || at > 2 || words[at + 2] !== reservation) return false
    const status = statusOf(`/proc/${pid}`)
    return typeof status !== 'number' && status.uid === uid
  })
}
