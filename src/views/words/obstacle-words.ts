import type { Obstacle } from '../../domain/observation/obstacles.ts'
import { printable } from '../../domain/text/text.ts'
import { drainedWords } from './drain-words.ts'
import { faultWords } from './faults.ts'

/** `0 free, 2 with errors`: the number of free GPUs, and why other unreserved GPUs are not free. */
export function freeWords(free: number, obstacles: readonly Obstacle[]): string {
  const counted = (kind: Obstacle['kind'], words: string) => {
    const count = obstacles.filter((each) => each.kind === kind).length
    return count === 0 ? [] : [`${count} ${words}`]
  }
  return [
    `${free} free`,
    ...counted('draining', 'drained'),
    ...counted('occupied', 'in use without reservation'),
    ...counted('faulty', 'with errors'),
    ...counted('unchecked', 'not checked'),
  ].join(', ')
}

/** `GPU 3 used without reservation by bob`. */
export function obstacleWords(obstacle: Obstacle): string {
  const gpu = `GPU ${obstacle.unit}`
  switch (obstacle.kind) {
    case 'draining':
      return drainedWords(obstacle.unit, obstacle.drain)
    case 'faulty':
      return `${gpu} has an error: ${printable(faultWords(obstacle.fault))}`
    case 'occupied': {
      const users = obstacle.users.length === 0 ? 'unknown users' : printable(obstacle.users.join(', '))
      return `${gpu} used without reservation by ${users}`
    }
    case 'unchecked':
      return `${gpu} not checked`
  }
}
