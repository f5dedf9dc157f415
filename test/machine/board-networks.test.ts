import { expect } from 'bun:test'
import { boardNetwork, type Cable } from '../support/board-network.ts'
import { needing } from '../support/needs.ts'
import { testPool } from '../support/pool.ts'
import { redisServerWithin } from '../support/redis.ts'
import { expectTheSame, seenBy, untilSeen } from '../support/seen.ts'

const networks = needing('networks', 'nft', 'redis-server')

/** For a day, a new board may lack hosts that have not published yet. */
const NEW_BOARD = /^The notice board was empty \S+ \S+ \S+ ago: [^\n]*\n$/

interface Trouble {
  readonly begin: (cable: Cable) => void
  readonly end: (cable: Cable) => void
  /** Why the host itself cannot read the board meanwhile; absent if it can. */
  readonly why?: RegExp
}

/** A host with a network of its own does what it does without a board, and is seen again when the network works again. */
function trouble(title: string, { begin, end, why }: Trouble): void {
  networks.concurrent(title, async () => {
    using net = await boardNetwork()
    using _server = redisServerWithin(net.board)
    const [cable, others] = [await net.host(), await net.host()]
    const named = (name: string, { board }: Cable) => ({
      ...{ CANHAZGPU_FLEET: `redis://${board}`, CANHAZGPU_HOST_NAME: name },
    })
    using alone = await testPool(2)
    using pool = await testPool(2, named('gpu1', cable), cable.within)
    using reader = await testPool(0, named('desk', others), others.within)
    await untilSeen(reader, 'gpu1', 'AVAILABLE, AVAILABLE')

    begin(cable)
    await expectTheSame(pool, alone)
    // The others see what it said last.
    if (why === undefined) await untilSeen(reader, 'gpu1', 'IN_USE, IN_USE')
    else {
      expect((await seenBy(reader, 'gpu1'))?.gpus?.map(({ status }) => status)).toEqual([
        'AVAILABLE',
        'AVAILABLE',
      ])
      expect(await pool.chg('status', '--all')).toMatchObject({
        status: 75,
        stderr: expect.stringMatching(why),
      })
    }

    end(cable)
    await untilSeen(reader, 'gpu1', 'IN_USE, IN_USE')
    expect(await pool.chg('status', '--all')).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(NEW_BOARD),
    })
  })
}

trouble('a cable that is pulled', {
  begin: (cable) => cable.pull(),
  end: (cable) => cable.plug(),
  why: /no answer within \d+ ms|there is no way to it/,
})
trouble('packets that all vanish', {
  begin: (cable) => cable.lose(100),
  end: (cable) => cable.lose(0),
  why: /no answer within \d+ ms/,
})
trouble('a tenth of the packets is lost', { begin: (cable) => cable.lose(10), end: (cable) => cable.lose(0) })
