import { expect, test } from 'bun:test'
import { RedisClient } from 'bun'
import { BoardConnection } from '../../../src/adapters/board/connection.ts'
import { needing } from '../../support/needs.ts'
import { type RedisServer, redisServer } from '../../support/redis.ts'
import { sources } from '../../support/sources.ts'
import { until } from '../../support/until.ts'

/**
 * What the runtime's Redis client does wrong: why `BoardConnection` exists, and subscribes to nothing. If one of these
 * tests fails after an upgrade of the runtime, the client became better.
 */
needing('redis-server').describe('the client of the runtime', () => {
  /** Whether it waits still when our own connection has given up. */
  async function isPending(answer: Promise<unknown>, { url }: RedisServer): Promise<boolean> {
    let isDone = false
    const done = () => {
      isDone = true
    }
    answer.then(done, done)
    const ours = new BoardConnection({ url, deadline: 500, rest: 0, clock: () => 0 })
    await expect(ours.send('PING', [])).rejects.toMatchObject({ code: 'board-unavailable' })
    return !isDone
  }

  test('after a reconnection it is connected without its subscriptions; subscribing again delivers twice', async () => {
    using server = await redisServer()
    const client = new RedisClient(server.url)
    await client.connect()
    const got: string[] = []
    const listener = (message: string): void => void got.push(message)
    await client.subscribe('news', listener)
    await server.kill()
    await until('it notices', () => !client.connected)
    await server.restart()
    await until('it is connected again', () => client.connected)
    expect(await server.ask('PUBLISH', 'news', 'lost')).toBe(0)
    await client.subscribe('news', listener)
    await server.ask('PUBLISH', 'news', 'twice')
    await until('it is delivered', () => got.length === 2)
    expect(got).toEqual(['twice', 'twice'])
    client.close()
  })

  test('it has no deadline for a command', async () => {
    using server = await redisServer()
    const client = new RedisClient(server.url, { connectionTimeout: 100, autoReconnect: false })
    await client.connect()
    server.stop()
    const answer = client.send('PING', [])
    expect(await isPending(answer, server)).toBe(true)
    server.resume()
    expect(await answer).toBe('PONG')
    client.close()
  })

  test('its offline queue hides that there is no server', async () => {
    using server = await redisServer()
    const client = new RedisClient(server.url)
    await client.connect()
    await server.kill()
    await until('it notices', () => !client.connected)
    const answer = client.send('PING', [])
    expect(await isPending(answer, server)).toBe(true)
    await server.restart()
    expect(await answer).toBe('PONG')
    client.close()
  })
})

test('nothing subscribes', async () => {
  const board = (await sources()).filter(({ path }) => path.startsWith('src/adapters/board/'))
  expect(board.length).toBeGreaterThan(0)
  expect(board.filter(({ code }) => /subscribe\(/.test(code)).map(({ path }) => path)).toEqual([])
})
