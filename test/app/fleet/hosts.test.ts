import { expect, test } from 'bun:test'
import { MemoryBoard } from '../../../src/adapters/memory/memory-board.ts'
import { Hosts, type HostsParts } from '../../../src/app/fleet/hosts.ts'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import { boardUnavailable, hostUnreachable } from '../../../src/domain/fleet/fleet-errors.ts'
import { MOST_SNAPSHOT_CHARACTERS } from '../../../src/domain/fleet/snapshot.ts'
import { type Board, MOST_READ_CHARACTERS } from '../../../src/ports/board.ts'
import { hostName, revision } from '../../ports/board-contract.ts'

interface Texts {
  readonly status: string
  readonly queue: string
  readonly usage: string
}

const read = (text: string): string | undefined => (text === 'nonsense' ? undefined : text)

function hosts(parts: Partial<HostsParts<Texts>>) {
  return new Hosts<Texts>({
    own: hostName('here'),
    ownPart: async (part) => `own ${part}`,
    read: { status: read, queue: read, usage: read },
    board: null,
    remote: [],
    reader: { read: async ({ name }, part) => `${name} ${part} by ssh` },
    clock: () => 0,
    ...parts,
  })
}

async function boardWith(texts: Readonly<Record<string, string>>, clock = () => 0): Promise<MemoryBoard> {
  const board = new MemoryBoard(clock)
  for (const [host, status] of Object.entries(texts)) {
    await board.post({ host: hostName(host), revision: revision(1), parts: { status } })
  }
  return board
}

/** Each host in one line. */
async function lines(tested: Hosts<Texts>): Promise<readonly string[]> {
  const { hosts: all } = await tested.all('status')
  return all.map((each) => {
    const what =
      each.kind === 'known' ? each.document : each.kind === 'unreachable' ? each.error.code : 'nonsense'
    return `${each.name} ${each.source}: ${what}`
  })
}

test('this host, the hosts of the board and those of the configuration, in the order of their names', async () => {
  const board = await boardWith({ gpu10: 'ten', gpu2: 'two', bad: 'nonsense' })
  const remote = [{ name: hostName('gpu3') }]
  expect(await lines(hosts({ board, remote }))).toEqual([
    'bad board: nonsense',
    'gpu2 board: two',
    'gpu3 ssh: gpu3 status by ssh',
    'gpu10 board: ten',
    'here here: own status',
  ])
})

test('this host is read here, and never over SSH', async () => {
  const board = await boardWith({ here: 'old' })
  const remote = [{ name: hostName('here') }]
  expect(await lines(hosts({ board, remote }))).toEqual(['here here: own status'])
})

test('the board adds no host to connect to', async () => {
  const asked: string[] = []
  const board = await boardWith({ planted: 'x' })
  const reader = {
    read: async ({ name }: { name: string }) => {
      asked.push(name)
      return 'by ssh'
    },
  }
  const tested = hosts({ board, reader, remote: [{ name: hostName('gpu1') }] })
  await tested.all('status')
  await tested.one('planted', 'status')
  await expect(tested.one('nobody', 'status')).rejects.toMatchObject({ code: 'host-unknown' })
  expect(asked).toEqual(['gpu1'])
})

test('a host that does not answer is shown as the board has it', async () => {
  const board = await boardWith({ gpu1: 'as published' })
  const reader = {
    read: async ({ name }: { name: string }) => {
      throw hostUnreachable({ name }, 'down')
    },
  }
  const remote = ['gpu1', 'gpu2'].map((name) => ({ name: hostName(name) }))
  const tested = hosts({ board, reader, remote })
  expect(await lines(tested)).toEqual([
    'gpu1 board: as published',
    'gpu2 ssh: host-unreachable',
    'here here: own status',
  ])
  expect(await tested.one('gpu1', 'status')).toMatchObject({ source: 'board', document: 'as published' })
  const code = 'host-unreachable'
  expect(await tested.one('gpu2', 'status')).toMatchObject({ source: 'ssh', error: { code } })
  const out = await boardWith({})
  out.read = async () => {
    throw boardUnavailable('board', 'it is out')
  }
  const withoutBoard = hosts({ board: out, reader, remote })
  expect(await withoutBoard.one('gpu1', 'status')).toMatchObject({ source: 'ssh', error: { code } })
})

test('a machine without GPUs shows the others only', async () => {
  const noPool = new CanhazgpuError('pool-not-initialized', 'no pool')
  const ownPart = () => Promise.reject(noPool)
  expect(await lines(hosts({ ownPart }))).toEqual(['here here: pool-not-initialized'])
  expect(await lines(hosts({ ownPart, board: await boardWith({ gpu1: 'x' }) }))).toEqual(['gpu1 board: x'])
  const damaged = () => Promise.reject(new CanhazgpuError('store-corrupt', 'damaged'))
  expect(await lines(hosts({ ownPart: damaged, board: new MemoryBoard(() => 0) }))).toEqual([
    'here here: store-corrupt',
  ])
})

test('while the board is out, what was read last is shown, and its age grows', async () => {
  let now = 0
  let isOut = false
  const inner = await boardWith({ gpu1: 'x' }, () => now)
  const board: Board = {
    post: (notice) => inner.post(notice),
    emptyAgo: () => inner.emptyAgo(),
    close: () => {},
    read: async (...which) => {
      if (isOut) throw boardUnavailable('board', 'no answer')
      return inner.read(...which)
    },
  }
  const tested = hosts({ board, clock: () => now })
  now = 1_000
  expect((await tested.all('status')).hosts[0]).toMatchObject({ document: 'x', age: 1_000 })
  isOut = true
  now = 9_000
  const out = await tested.all('status')
  expect(out.hosts[0]).toMatchObject({ document: 'x', age: 9_000 })
  expect(out.boardFailure?.code).toBe('board-unavailable')
  // A process that has never read the board knows nothing of its hosts.
  const fresh = await hosts({ board }).all('status')
  expect(fresh.hosts.map(({ name }) => String(name))).toEqual(['here'])
  await expect(hosts({ board }).one('gpu1', 'status')).rejects.toMatchObject({ code: 'board-unavailable' })
})

test('a host for whose words there was no room is named, with the command that shows it', async () => {
  const text = 'x'.repeat(MOST_SNAPSHOT_CHARACTERS)
  const count = MOST_READ_CHARACTERS.status / MOST_SNAPSHOT_CHARACTERS + 1
  const names = Array.from({ length: count }, (_, at) => `gpu${at + 100}`)
  const board = await boardWith(Object.fromEntries(names.map((name) => [name, text])))
  const { hosts: all } = await hosts({ board }).all('status')
  const out = all.flatMap((each) =>
    each.kind === 'unreachable' ? [`${each.name}: ${each.error.message}`] : [],
  )
  const last = names.at(-1)
  expect(out).toEqual([
    `${last}: left out, because the notice board has more than is read at once; try: canhazgpu status --host ${last}`,
  ])
  expect(await hosts({ board }).one(last ?? '', 'status')).toMatchObject({ kind: 'known' })
})

test('answers that came early are as old as they are when all have come', async () => {
  let now = 0
  const board = await boardWith({ gpu1: 'one' }, () => now)
  now = 1_000
  const slow = Promise.withResolvers<string>()
  const reader = {
    read: ({ name }: { name: string }) => (name === 'gpu2' ? Promise.resolve('two') : slow.promise),
  }
  const remote = [{ name: hostName('gpu2') }, { name: hostName('gpu3') }]
  const tested = hosts({ board, remote, reader, clock: () => now }).all('status')
  // The answers of all others are there before this timer ends.
  await Bun.sleep(0)
  now = 11_000
  slow.resolve('three')
  const ages = (await tested).hosts.map((each) => [each.name as string, 'age' in each && each.age])
  expect(Object.fromEntries(ages)).toEqual({ gpu1: 11_000, gpu2: 10_000, gpu3: 0, here: 10_000 })
})

test('a host that an earlier view has shown, and that the board has lost, is named with its last sign', async () => {
  const board = await boardWith({ gpu1: 'x' })
  const saved: (readonly [string, number])[][] = []
  const known = {
    load: () =>
      new Map([
        [hostName('gpu1'), 90],
        [hostName('gpu2'), 70],
        [hostName('here'), 50],
      ]),
    save: (ages: ReadonlyMap<string, number>) => void saved.push([...ages]),
  }
  const tested = hosts({ board, known, clock: () => 0 })
  expect(await lines(tested)).toEqual([
    'gpu1 board: x',
    'gpu2 board: board-unavailable',
    'here here: own status',
  ])
  expect((await tested.all('status')).hosts[1]).toMatchObject({ kind: 'unreachable', age: 70 })
  expect(saved[0]).toEqual([
    ['gpu1', 0],
    ['gpu2', 70],
    ['here', 50],
  ])
  await expect(tested.one('gpu2', 'status')).rejects.toMatchObject({ code: 'board-unavailable' })
  await expect(tested.one('gpu3', 'status')).rejects.toMatchObject({ code: 'host-unknown' })
})

test('what the board has of this host is presented, also if this process has seen it there before', async () => {
  const board = await boardWith({ here: 'x' })
  const ages: (number | undefined)[] = []
  const unpublished = { age: undefined, failure: boardUnavailable('board', 'it is read-only') }
  const tested = hosts({
    board,
    presentOwn: async (age) => {
      ages.push(age)
      return age === undefined ? unpublished : null
    },
  })
  expect((await tested.all('status')).hosts[0]).not.toHaveProperty('unpublished')
  board.wipe()
  expect((await tested.all('status')).hosts[0]).toMatchObject({ kind: 'known', unpublished })
  expect(ages).toEqual([0, undefined])
})
