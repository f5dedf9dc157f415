import { expect } from 'bun:test'
import { BoardConnection } from '../../../src/adapters/board/connection.ts'
import { certificates } from '../../support/certificates.ts'
import { needing } from '../../support/needs.ts'
import { redisServer } from '../../support/redis.ts'

async function answerOf(url: string): Promise<unknown> {
  const connection = new BoardConnection({ url, deadline: 2_000, rest: 0, clock: () => 0 })
  try {
    return await connection.send('PING', [])
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^.* cannot be used: /, '') : error
  } finally {
    connection.close()
  }
}

needing('redis-server', 'openssl').test(
  'TLS: only a certificate of the named authority is accepted, and the reason is said',
  async () => {
    using known = certificates()
    using other = certificates()
    using server = await redisServer(...known.options)
    using plain = await redisServer()
    const url = server.url.replace('redis:', 'rediss:')
    expect(await answerOf(`${url}/0?ca=${known.ca}`)).toBe('PONG')
    const untrusted = expect.stringMatching(/^its certificate is not from the authority/)
    expect(await answerOf(url)).toEqual(untrusted)
    expect(await answerOf(`${url}?ca=${other.ca}`)).toEqual(untrusted)
    const elsewhere = url.replace('127.0.0.1', 'localhost')
    expect(await answerOf(`${elsewhere}?ca=${known.ca}`)).toBe('its certificate is for another name')
    expect(await answerOf(`${url}?ca=/nowhere/ca.pem`)).toBe(
      '/nowhere/ca.pem, which ?ca= names, cannot be read: No such file or directory',
    )
    // Neither side says what is wrong here.
    expect(await answerOf(server.url)).toBe('it closes the connection')
    const toPlain = `${plain.url.replace('redis:', 'rediss:')}?ca=${known.ca}`
    expect(await answerOf(toPlain)).toBe('no answer within 2000 ms')
  },
)
