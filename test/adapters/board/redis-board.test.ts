import { afterAll, beforeAll, expect, test } from 'bun:test'
import { BoardConnection } from '../../../src/adapters/board/connection.ts'
import { RedisBoard } from '../../../src/adapters/board/redis-board.ts'
import { boardContract, hostName, revision, type TestedBoard } from '../../ports/board-contract.ts'
import { needing } from '../../support/needs.ts'
import { boardServer, ENGINES, type RedisServer } from '../../support/redis.ts'
import { relayTo } from '../../support/relay.ts'
import { root } from '../../support/sources.ts'

/** The rules that the documentation recommends, without their first word. */
const ACL_RULES = [...(await Bun.file(`${root}docs/fleet.md`).text()).matchAll(/^ACL (SETUSER .*)$/gm)].map(
  ([, rule = '']) => rule.split(' '),
)

for (const { engine, program } of ENGINES)
  needing(program).describe(`the board in ${engine}`, () => boardIn(program))

function boardIn(program: string): void {
  let server: RedisServer
  beforeAll(async () => {
    server = await boardServer(program)
  })
  afterAll(() => {
    server?.[Symbol.dispose]()
  })

  async function open(url = server.url): Promise<TestedBoard> {
    await server.ask('FLUSHALL')
    const connection = new BoardConnection({ url, deadline: 20_000, rest: 0, clock: () => 0 })
    const board = new RedisBoard(connection)
    return {
      board,
      wipe: () => server.ask('FLUSHALL'),
      async [Symbol.asyncDispose]() {
        board.close()
      },
    }
  }

  boardContract(open)

  const host = hostName('gpu1')
  const parts = { status: 'x' }

  test('a server that answers each command just in time does not keep a reader', async () => {
    await using tested = await open()
    const names = Array.from({ length: 1_000 }, (_, at) => hostName(`gpu${at}`))
    await Promise.all(
      names.map((name) => tested.board.post({ host: name, revision: revision(1), parts: { queue: name } })),
    )
    using slow = relayTo(server.port)
    slow.delay(30)
    const connection = new BoardConnection({ url: slow.url, deadline: 20_000, rest: 0, clock: () => 0 })
    const hasty = new RedisBoard(connection, 300)
    await expect(hasty.read('status')).rejects.toThrow('no answer within 300 ms')
    hasty.close()
    const patient = new RedisBoard(connection, 20_000)
    expect(await patient.read('queue')).toHaveLength(1_000)
    patient.close()
  })

  test('each host can be limited to its own notice', async () => {
    expect(ACL_RULES.map(([, account]) => account)).toEqual(['gpu1', 'reader', 'users'])
    for (const rule of ACL_RULES) await server.ask('ACL', ...rule)
    const as = (account: string) => open(server.url.replace('//', `//${account}:secret@`))
    await using publisher = await as('gpu1')
    expect(await publisher.board.post({ host, revision: revision(1), parts })).toBe('incomplete')
    const other = publisher.board.post({ host: hostName('gpu2'), revision: revision(1), parts })
    await expect(other).rejects.toMatchObject({ code: 'board-unavailable' })
    await using reader = { ...(await as('reader')) }
    await publisher.board.post({ host, revision: revision(1), parts })
    expect(await reader.board.read('status')).toMatchObject([{ host: 'gpu1', text: 'x' }])
    expect(await reader.board.emptyAgo()).toBeNumber()
    const written = reader.board.post({ host, revision: revision(2), parts })
    await expect(written).rejects.toMatchObject({ code: 'board-unavailable' })
    await using user = { ...(await as('users')) }
    expect(await user.board.post({ host, revision: revision(2), parts })).toBe('incomplete')
    expect(await user.board.read('status')).toHaveLength(1)
    expect(await user.board.emptyAgo()).toBeNumber()
  })

  test('what others put into the keys neither stops a host nor a reader', async () => {
    await using tested = await open()
    const { board } = tested
    await server.ask('SET', 'canhazgpu:host:gpu1', 'planted')
    await server.ask('SET', 'canhazgpu:hosts', 'planted')
    expect(await board.post({ host, revision: revision(1), parts })).toBe('incomplete')
    for (const [at, name] of ['-oProxyCommand=x', 'a b', 'n'.repeat(300), 'gpu2', 'gpu3', 'gpu4'].entries()) {
      await server.ask('ZADD', 'canhazgpu:hosts', String(at + 1), name)
    }
    await server.ask('SET', 'canhazgpu:host:gpu2', 'planted')
    await server.ask('HSET', 'canhazgpu:host:gpu3', 'received', 'never', 'status', 'x')
    await server.ask('HSET', 'canhazgpu:host:gpu4', 'received', '9'.repeat(15), 'status', 'x'.repeat(300_000))
    // The times of their names are the first milliseconds of 1970: they would have been forgotten.
    expect(await board.read('status')).toEqual([
      { host, age: expect.any(Number), text: 'x', revision: revision(1) },
    ])
    const now = await server.ask('ZSCORE', 'canhazgpu:hosts', 'gpu1')
    for (const name of ['gpu2', 'gpu3', 'gpu4'])
      await server.ask('ZADD', 'canhazgpu:hosts', String(now), name)
    const lost = { age: expect.any(Number), text: undefined, isLost: true } as const
    const names = ['gpu2', 'gpu3', 'gpu4'].map(hostName)
    for (const time of ['9'.repeat(15), '-1e308', '-inf', '-1e16', '1']) {
      await server.ask('HSET', 'canhazgpu:host:gpu4', 'received', time)
      expect(await board.read('status')).toEqual([
        { host, age: expect.any(Number), text: 'x', revision: revision(1) },
        ...names.map((name) => ({ host: name, ...lost })),
      ])
    }
    for (const [member, score] of [
      ['@shown', '-inf'],
      ['@counted', '+inf'],
      ['@counted', '1'],
    ] as const) {
      await server.ask('ZADD', 'canhazgpu:hosts', score, member)
      expect((await board.read('status', host))[0]?.age).toBeLessThan(60_000)
    }
    await server.ask('HSET', 'canhazgpu:host:gpu1', 'committed', 'never')
    expect(await board.post({ host, revision: revision(1), parts })).toBe('incomplete')
  })

  test('a notice that the server has removed to save memory is missed', async () => {
    await using tested = await open()
    const { board } = tested
    await board.post({ host, revision: revision(1), parts })
    await server.ask('DEL', 'canhazgpu:host:gpu1')
    expect(await board.read('status')).toMatchObject([{ host: 'gpu1', isLost: true }])
    expect(await board.read('status', host)).toEqual([])
    await board.post({ host, revision: revision(1), parts })
    expect(await board.read('status')).toMatchObject([{ host: 'gpu1', text: 'x' }])
  })

  test('a notice from the future is replaced after a minute', async () => {
    await using tested = await open()
    const { board } = tested
    await board.post({ host, revision: revision(1e15), parts: { status: 'wrong' } })
    expect(await board.post({ host, revision: revision(1), parts })).toBe('older')
    await server.ask('HINCRBY', 'canhazgpu:host:gpu1', 'received', '-60000')
    expect(await board.post({ host, revision: revision(1), parts })).toBe('incomplete')
  })

  test('of very many hosts, those that published last are read, and the others are named', async () => {
    await using tested = await open()
    await tested.board.post({ host, revision: revision(1), parts })
    const now = Date.now()
    const names = Array.from({ length: 5_001 }, (_, at) => [String(now - 1_000 - at), `other${at}`])
    await server.ask('ZADD', 'canhazgpu:hosts', ...names.flat())
    const posted = await tested.board.read('status')
    expect(posted.filter(({ text }) => text !== undefined)).toMatchObject([{ host: 'gpu1', text: 'x' }])
    const out = posted.filter(({ isLeftOut }) => isLeftOut)
    expect(out.map((each) => String(each.host))).toEqual(['other4999', 'other5000'])
  })

  test('a host that published a month ago is forgotten', async () => {
    await using tested = await open()
    const { board } = tested
    await board.post({ host, revision: revision(1), parts })
    const left = await server.ask('PTTL', 'canhazgpu:host:gpu1')
    expect(left).toBeGreaterThan(29 * 86_400_000)
    await server.ask('ZADD', 'canhazgpu:hosts', '1', 'gpu9')
    await board.post({ host, revision: revision(2), parts })
    const names = (await server.ask('ZRANGE', 'canhazgpu:hosts', '0', '-1')) as string[]
    expect(names.filter((name) => !name.startsWith('@'))).toEqual(['gpu1'])
  })
}
