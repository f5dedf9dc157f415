import { bindAbstract } from '../kernel/unix-socket.ts'
import { inheritable } from './detach.ts'

/**
 * A descriptor that only one process of this machine can have for the name: it is about to do something. Null if another
 * process has it. A child that inherits the descriptor has the turn too, and the kernel ends it when nobody has the
 * descriptor any more. It is an abstract name of a socket, which needs no file that every user can lock: root's set-up
 * locks the folder of the pool.
 */
export function takeTurn(name: string): number | null {
  return inheritable(bindAbstract(`canhazgpu/${Bun.hash(name).toString(16)}`))
}
