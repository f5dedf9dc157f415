import { expect } from 'bun:test'
import { inDaemonMode, needing } from '../../support/needs.ts'
import { passTime } from '../../support/pass-time.ts'
import { type TestPool, testPool } from '../../support/pool.ts'
import { type RedisServer, redisServer } from '../../support/redis.ts'
import { seenBy, untilSeen } from '../../support/seen.ts'
import { until } from '../../support/until.ts'

/** A host that is on the board, and somebody who looks at it from elsewhere. */
function onBoard(
  title: string,
  body: (host: TestPool, server: RedisServer, desk: TestPool) => Promise<void>,
): void {
  needing('redis-server').concurrent(title, async () => {
    using server = await redisServer()
    using host = await testPool(2, { CANHAZGPU_FLEET: server.url, CANHAZGPU_HOST_NAME: 'gpu1' })
    using desk = await testPool(0, { CANHAZGPU_FLEET: server.url, CANHAZGPU_HOST_NAME: 'desk' })
    await untilSeen(desk, 'gpu1', 'AVAILABLE, AVAILABLE')
    await body(host, server, desk)
  })
}

const lose = (server: RedisServer) => server.ask('FLUSHALL')
/** The line about the host itself. */
const own = async (host: TestPool, command = 'status') =>
  (await host.chg(command, '--all')).stderr.replace(/^The notice board (is|was) empty.*\n/m, '')

onBoard(
  'a host that runs something returns to a board that lost it, without a command',
  async (host, server, desk) => {
    host.start('run', '--gpus', '1', '--', 'sleep', '600')
    await untilSeen(desk, 'gpu1', 'IN_USE, AVAILABLE')
    await lose(server)
    expect(await untilSeen(desk, 'gpu1', 'IN_USE, AVAILABLE')).toMatchObject({ state: 'current' })
  },
)

onBoard('an idle host returns when somebody there looks at all hosts', async (host, server, desk) => {
  await lose(server)
  if (!inDaemonMode) await expectMissed(desk)
  expect(await own(host)).toBe(inDaemonMode ? NOT_BY_DAEMON : '')
  await untilSeen(desk, 'gpu1', 'AVAILABLE, AVAILABLE')
  expect(await own(host)).toBe('')
})

onBoard('a view of all hosts publishes this one, if nothing has for a while', async (host, server, desk) => {
  const age = async () => (await seenBy(desk, 'gpu1'))?.age_seconds ?? Number.POSITIVE_INFINITY
  await server.ask('HINCRBY', 'canhazgpu:host:gpu1', 'received', '-3600000')
  await until('it is older', async () => inDaemonMode || (await age()) >= 3_600)
  expect((await host.chg('status', '--all')).status).toBe(0)
  await until('it is new', async () => (await age()) < 3_600)
})

/** An account that has seen the host is told that it is missing, and another one that hosts can be missing. */
async function expectMissed(desk: TestPool): Promise<void> {
  using newcomer = await testPool(0, { CANHAZGPU_FLEET: desk.env.CANHAZGPU_FLEET ?? '' })
  expect(await newcomer.chg('status', '--all')).toMatchObject({
    stdout: '',
    stderr: 'The notice board is empty: hosts that have not published since are missing\n',
  })
  const { stdout } = await desk.chg('status', '--all')
  expect(stdout).toMatch(
    /^gpu1: the notice board has lost what gpu1 published; last sign .* \(0h 0m \d+s ago\)$/m,
  )
  expect(await seenBy(desk, 'gpu1')).toMatchObject({ state: 'unreachable', age_seconds: expect.any(Number) })
  expect((await desk.chg('status', '--host', 'gpu1')).stderr).toContain('has lost what gpu1 published')
}

const NOT_BY_DAEMON =
  'gpu1, this host, is not on the notice board. The daemon publishes it again within 15 s; if not, its log says why: journalctl -u canhazgpu\n'

needing('redis-server', 'embedded pool').concurrent(
  'a host that cannot publish says in one line that others do not see it, and why',
  async () => {
    using server = await redisServer()
    await server.ask('ACL', 'SETUSER', 'reader', 'on', '>right', '+@read', '+eval', '+time', '~*')
    using host = await testPool(1, { CANHAZGPU_FLEET: server.url, CANHAZGPU_HOST_NAME: 'gpu1' })
    const isThere = async () => (await server.ask('EXISTS', 'canhazgpu:host:gpu1')) === 1
    await until('it is published', isThere)
    host.env.CANHAZGPU_FLEET = server.url.replace('//', '//reader:right@')
    expect(await own(host)).toBe('')
    // It was published an hour ago, and has changed half an hour ago.
    await passTime(host, 1_800_000)
    await server.ask('HINCRBY', 'canhazgpu:host:gpu1', 'received', '-3600000')
    expect(await own(host)).toMatch(
      /^gpu1, this host, is on the notice board as it was 1h 0m \d+s ago\. The notice board at \S+ cannot be used: it refuses the command: .*\n$/,
    )
    await lose(server)
    const line =
      /^gpu1, this host, is not on the notice board\. .* cannot be used: it refuses the command: .*\n$/
    expect(await own(host)).toMatch(line)
    const { stdout } = await host.chg('status', '--all', '--json')
    expect(JSON.parse(stdout)).toMatchObject([
      { host: 'gpu1', unpublished: { reason_code: 'board-unavailable' } },
    ])
    expect(await own(host, 'queue')).toMatch(line)
  },
)
