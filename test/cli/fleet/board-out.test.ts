import { expect } from 'bun:test'
import { certificates } from '../../support/certificates.ts'
import { inDaemonMode, type Need, needing } from '../../support/needs.ts'
import { testPool } from '../../support/pool.ts'
import { pidsWith } from '../../support/processes.ts'
import { boardServer, ENGINES, type RedisServer, redisServer, redisServerAt } from '../../support/redis.ts'
import { relayTo } from '../../support/relay.ts'
import { expectTheSame, untilSeen } from '../../support/seen.ts'
import { until } from '../../support/until.ts'

/** In the URL of some boards. Nothing shows it. */
const PASSWORD = 'hunter-of-secrets'

/** A board, and what happens to it. */
interface Outage extends Disposable {
  readonly url: string
  begin(): unknown
  end(): unknown
}

interface Expected {
  /** Why the board cannot be read meanwhile; absent if it can. */
  readonly why?: RegExp
  /** The board forgets what it knew, so a host without a daemon is complete with its next change. */
  readonly forgets?: boolean
}

/**
 * While the board is out, the commands of a host say and do what they would without one. When it answers again, it
 * becomes complete without a further command.
 */
function outage(
  title: string,
  needs: readonly Need[],
  open: () => Promise<Outage>,
  expected: Expected,
): void {
  needing(...needs).concurrent(title, async () => {
    using board = await open()
    using alone = await testPool(2)
    using pool = await testPool(2, { CANHAZGPU_FLEET: board.url, CANHAZGPU_HOST_NAME: 'gpu1' })
    using reader = await testPool(0, { CANHAZGPU_FLEET: board.url, CANHAZGPU_HOST_NAME: 'desk' })
    await untilSeen(reader, 'gpu1', 'AVAILABLE, AVAILABLE')

    await board.begin()
    await expectTheSame(pool, alone)
    const view = await reader.chg('status', '--all')
    const { why } = expected
    const said = why ?? /^(The notice board (is|was) empty.* are missing\n)?$/
    expect([view.status, view.stderr]).toEqual([why === undefined ? 0 : 75, expect.stringMatching(said)])
    const { stdout: shown } = await pool.sh(
      'ps -eo args; "$CHG" status --all --json 2>&1; "$CHG" doctor configuration',
    )
    expect(shown).toContain('ps -eo args')
    expect(shown + view.stdout + view.stderr).not.toContain(PASSWORD)
    expect(view.stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(2)
    if (!inDaemonMode) {
      // An administrator locks the folder to set up the pool.
      expect(await pool.sh(`flock --nonblock '${pool.folder}/pool' true`)).toMatchObject({ status: 0 })
      expect(pidsWith(`CANHAZGPU_STORE=${pool.store}`).length).toBeLessThan(8)
    }

    await board.end()
    if (expected.forgets && !inDaemonMode) await pool.chg('extend', '1h')
    await untilSeen(reader, 'gpu1', 'IN_USE, IN_USE')
  })
}

/** An outage of a server that tests can talk to. */
const ofServer =
  (
    begin: (server: RedisServer) => unknown,
    end: (server: RedisServer) => unknown,
    program: string = 'redis-server',
  ) =>
  async (): Promise<Outage> => {
    const server = await boardServer(program)
    return {
      ...{ url: server.url, begin: () => begin(server), end: () => end(server) },
      [Symbol.dispose]: () => server[Symbol.dispose](),
    }
  }

for (const { engine, program } of ENGINES) {
  const server = (
    title: string,
    begin: (s: RedisServer) => unknown,
    end: (s: RedisServer) => unknown,
    e: Expected,
  ) => outage(`${engine} ${title}`, [program], ofServer(begin, end, program), e)

  server(
    'answers nothing',
    (s) => s.stop(),
    (s) => s.resume(),
    { why: /no answer within 3000 ms/ },
  )
  server(
    'is gone, and comes back empty',
    (s) => s.kill(),
    (s) => s.restart(),
    { why: /nothing listens there/ },
  )
  server(
    'is full',
    (s) => s.ask('CONFIG', 'SET', 'maxmemory', '1'),
    (s) => s.ask('CONFIG', 'SET', 'maxmemory', '0'),
    {},
  )
  server(
    'is a read-only replica',
    (s) => s.ask('REPLICAOF', '127.0.0.1', '1'),
    (s) => s.ask('REPLICAOF', 'NO', 'ONE'),
    {},
  )
  server(
    'is wiped',
    (s) => s.ask('FLUSHALL'),
    (s) => s.ask('FLUSHALL'),
    { forgets: true },
  )
}

/** The hosts have an account of their own. */
async function withAccount(): Promise<{ readonly server: RedisServer; readonly url: string }> {
  const server = await redisServer()
  await server.ask('ACL', 'SETUSER', 'hosts', 'on', `>${PASSWORD}`, '~*', '+@all')
  return { server, url: server.url.replace('//', `//hosts:${PASSWORD}@`) }
}

function ofAccount(...rule: string[]): () => Promise<Outage> {
  return async () => {
    const { server, url } = await withAccount()
    return {
      url,
      async begin() {
        await server.ask('ACL', 'SETUSER', 'hosts', ...rule)
        await server.ask('CLIENT', 'KILL', 'USER', 'hosts')
      },
      end: () => server.ask('ACL', 'SETUSER', 'hosts', 'on', 'resetpass', `>${PASSWORD}`, '~*', '+@all'),
      [Symbol.dispose]: () => server[Symbol.dispose](),
    }
  }
}

const REFUSED = { why: /it refuses the name or the password/ }
outage('the password is changed', ['redis-server'], ofAccount('resetpass', '>other'), REFUSED)
outage('the account is closed', ['redis-server'], ofAccount('off'), REFUSED)
outage('the account may do nothing', ['redis-server'], ofAccount('-@all'), { why: /NOPERM/ })

outage(
  'a server with another certificate',
  ['redis-server', 'openssl'],
  async () => {
    const known = certificates()
    const other = certificates()
    let server = await redisServer(...known.options)
    const { port } = server
    const replace = async ({ options }: { readonly options: readonly string[] }) => {
      await server.kill()
      server[Symbol.dispose]()
      server = await redisServerAt(port, ...options)
    }
    return {
      url: `${server.url.replace('redis:', 'rediss:')}?ca=${known.ca}`,
      begin: () => replace(other),
      end: () => replace(known),
      [Symbol.dispose]() {
        for (const each of [server, known, other]) each[Symbol.dispose]()
      },
    }
  },
  { why: /its certificate is not from the authority/, forgets: true },
)

/** A server behind an address that can lead elsewhere, and its replica. */
async function replicated() {
  const [first, second] = [await redisServer(), await redisServer()]
  await second.ask('REPLICAOF', '127.0.0.1', String(first.port))
  const isThere = async () =>
    String(await second.ask('INFO', 'replication')).includes('master_link_status:up')
  await until('the replica follows', isThere)
  const relay = relayTo(first.port)
  return {
    ...{ first, second, relay, url: relay.url },
    [Symbol.dispose]() {
      for (const each of [relay, first, second]) each[Symbol.dispose]()
    },
  }
}

outage(
  'failed over to a replica that lost writes',
  ['redis-server'],
  async () => {
    const servers = await replicated()
    const { first, second, relay } = servers
    return {
      ...servers,
      // It no longer follows, and nobody sees that: what is published now will be lost.
      begin: () => second.ask('REPLICAOF', 'NO', 'ONE'),
      async end() {
        await first.kill()
        relay.lead(second.port)
      },
    }
  },
  { forgets: true },
)

outage(
  'failed over to a replica that is read-only for a time',
  ['redis-server'],
  async () => {
    const servers = await replicated()
    const { first, second, relay } = servers
    return {
      ...servers,
      async begin() {
        await first.kill()
        relay.lead(second.port)
      },
      end: () => second.ask('REPLICAOF', 'NO', 'ONE'),
    }
  },
  {},
)

/** What a network does to the connections. */
const ofNetwork =
  (begin: (relay: ReturnType<typeof relayTo>) => void): (() => Promise<Outage>) =>
  async () => {
    const server = await redisServer()
    const relay = relayTo(server.port)
    return {
      ...{ url: relay.url, begin: () => begin(relay), end: () => relay.restore() },
      [Symbol.dispose]() {
        for (const each of [relay, server]) each[Symbol.dispose]()
      },
    }
  }

outage(
  'a network that is cut',
  ['redis-server'],
  ofNetwork((relay) => relay.cut()),
  {
    why: /no answer within 3000 ms/,
  },
)
outage(
  'a slow network',
  ['redis-server'],
  ofNetwork((relay) => relay.delay(400)),
  {},
)
outage(
  'a network that is too slow',
  ['redis-server'],
  ofNetwork((relay) => relay.delay(4_000)),
  {
    why: /no answer within 3000 ms/,
  },
)
