import { expect } from 'bun:test'
import { BoardConnection } from '../../../src/adapters/board/connection.ts'
import { RedisBoard } from '../../../src/adapters/board/redis-board.ts'
import { hostName, revision } from '../../ports/board-contract.ts'
import { needing } from '../../support/needs.ts'
import { redisServerWithClock } from '../../support/redis.ts'
import { wrongClock } from '../../support/wrong-clock.ts'

const HOUR = 3_600
const DAY = 24 * HOUR

needing('redis-server', 'gcc').describe('the clock of the board is set', () => {
  const boardWith = async () => {
    const clock = wrongClock()
    const server = await redisServerWithClock(clock.env)
    const connection = new BoardConnection({ url: server.url, deadline: 20_000, rest: 0, clock: () => 0 })
    const board = new RedisBoard(connection)
    let posts = 0
    return {
      set: (seconds: number) => clock.set(seconds),
      post: (name: string) =>
        board.post({ host: hostName(name), revision: revision(++posts), parts: { status: 'x' } }),
      /** In whole seconds, by host. */
      ages: async () =>
        Object.fromEntries(
          (await board.read('status')).map(({ host, age }) => [host, Math.floor(age / 1000)]),
        ),
      [Symbol.dispose]() {
        for (const each of [
          board.close.bind(board),
          () => server[Symbol.dispose](),
          () => clock[Symbol.dispose](),
        ])
          each()
      },
    }
  }
  const test = (title: string, body: (board: Awaited<ReturnType<typeof boardWith>>) => Promise<void>) =>
    needing('redis-server', 'gcc').concurrent(title, async () => {
      using board = await boardWith()
      await body(board)
    })

  for (const back of [10, HOUR, 2 * HOUR, DAY]) {
    test(`back by ${back} s: a host that was silent for two hours still was`, async ({ set, post, ages }) => {
      await post('gpu1')
      // Two hours pass, in which gpu2 publishes.
      set(2 * HOUR)
      await post('gpu2')
      set(2 * HOUR - back)
      expect((await ages()).gpu1).toBeGreaterThanOrEqual(2 * HOUR)
      await post('gpu2')
      const { gpu1 = 0, gpu2 = 0 } = await ages()
      expect(gpu1).toBeGreaterThanOrEqual(2 * HOUR)
      expect(gpu1).toBeLessThan(2 * HOUR + 60)
      expect(gpu2).toBeLessThan(60)
      // Time goes on as before.
      set(3 * HOUR - back)
      expect((await ages()).gpu2).toBeGreaterThanOrEqual(HOUR)
    })
  }

  test('forward by a day and back again: what is published later is new', async ({ set, post, ages }) => {
    await post('gpu1')
    set(DAY)
    await post('gpu2')
    set(0)
    await post('gpu2')
    const { gpu1 = 0, gpu2 = DAY } = await ages()
    expect([gpu1 >= DAY, gpu2 < 60]).toEqual([true, true])
    await post('gpu1')
    expect((await ages()).gpu1).toBeLessThan(60)
  })

  test('back by two months: nothing looks new, and the next notices do', async ({ set, post, ages }) => {
    set(60 * DAY)
    await post('gpu1')
    set(0)
    await post('gpu2')
    const { gpu1, gpu2 = DAY } = await ages()
    expect([gpu1, gpu2 < 60]).toEqual([0, true])
    await post('gpu1')
    expect((await ages()).gpu1).toBeLessThan(60)
  })
})
