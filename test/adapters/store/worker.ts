import { currentMoment } from '../../../src/adapters/kernel/clock.ts'
import { writeText } from '../../../src/adapters/process/terminal.ts'
import { openStore } from '../../../src/adapters/store/open.ts'
import { counting, countingNow } from './counting.ts'

/**
 * Another process that uses a store: `worker.ts <verb> <url> <name> [<times>]`.
 *
 * - count: counts N times, each time with another name.
 * - announce: also counts, and prints each count in the form of a granted reservation.
 * - read: loads the pool once.
 * - hang: prints that it hangs, and stops for ever, in its nth decision (`times`). Another commit comes before each
 *   earlier decision is written, so the decision is made again, then under the lock of the store.
 */
const [verb, url = '', name = '', times = '1'] = process.argv.slice(2)
const store = await openStore(url, currentMoment)

switch (verb) {
  case 'count':
    for (let nth = 0; nth < Number(times); nth++) await store.update(counting(`${name}-${nth}`))
    break
  case 'announce':
    for (let nth = 0; nth < Number(times); nth++) {
      await store.update(countingNow(`${name}-${nth}`))
      writeText(1, JSON.stringify({ reservation: `${name}-${nth}`, gpus: [0] }))
    }
    break
  case 'read':
    await store.load()
    break
  case 'hang': {
    const other = await openStore(url, currentMoment)
    let asked = 0
    await store.update((pool, moment) => {
      if (++asked === Number(times)) {
        console.log('hanging')
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
      }
      void other.update(counting('overtaking'))
      return counting(name)(pool, moment)
    })
    break
  }
  default:
    throw new Error(`unknown verb ${verb}`)
}
store.close()
