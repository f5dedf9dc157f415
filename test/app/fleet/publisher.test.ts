import { expect, test } from 'bun:test'
import { MemoryBoard } from '../../../src/adapters/memory/memory-board.ts'
import { Publisher } from '../../../src/app/fleet/publisher.ts'
import { boardUnavailable } from '../../../src/domain/fleet/fleet-errors.ts'
import type { SnapshotPart } from '../../../src/domain/fleet/snapshot.ts'
import type { Board } from '../../../src/ports/board.ts'
import { hostName, revision } from '../../ports/board-contract.ts'

/** A publisher in a time of its own: `pass` ends the current pause. */
function publisher(wrap: (board: MemoryBoard) => Board = (board) => board) {
  let now = 0
  let commits = 1
  const board = new MemoryBoard(() => now)
  const published: (readonly SnapshotPart[])[] = []
  const failures: unknown[] = []
  const pauses: { readonly ms: number; readonly end: () => void }[] = []
  const paused = { notify: Promise.withResolvers<void>() }
  const tested = new Publisher({
    board: wrap(board),
    host: hostName('gpu1'),
    clock: () => now,
    snapshot: async (parts) => {
      published.push(parts)
      const texts = Object.fromEntries(parts.map((part) => [part, `${part} ${commits}`]))
      return { revision: revision(commits, now), parts: texts }
    },
    pause: (ms, signal) => {
      if (signal.aborted) return Promise.resolve()
      const { promise, resolve } = Promise.withResolvers<void>()
      signal.addEventListener('abort', () => resolve())
      pauses.push({ ms, end: resolve })
      paused.notify.resolve()
      return promise
    },
    onNamesake: () => failures.push('namesake'),
    onFailure: (failure) => failures.push(failure?.code ?? null),
  })
  /** Waits until the publisher pauses; returns how long it will. */
  const pausing = async () => {
    if (pauses.length === 0) await paused.notify.promise
    paused.notify = Promise.withResolvers<void>()
    const pause = pauses.shift()
    if (pause === undefined) throw new Error('no pause')
    return pause
  }
  /** Lets the pause end after its time. */
  const pass = async () => {
    const { ms, end } = await pausing()
    now += ms
    end()
    return ms
  }
  return {
    ...{ board, published, failures, tested, pausing, pass },
    /** Lets both pauses between two notices end, if nothing changes. */
    turn: async () => {
      await pass()
      await pass()
    },
    commit: () => {
      commits++
      tested.changed()
    },
    later: (ms: number) => {
      now += ms
    },
  }
}

test('while the board is out it tries again every 5 seconds', async () => {
  let isOut = true
  const { tested, pass, board } = publisher((whole) => ({
    read: (part, host) => whole.read(part, host),
    post: (notice) => (isOut ? Promise.reject(boardUnavailable('board', 'x')) : whole.post(notice)),
    emptyAgo: () => whole.emptyAgo(),
    close: () => {},
  }))
  const stop = new AbortController()
  const running = tested.run(stop.signal)
  for (let attempt = 0; attempt < 3; attempt++) expect((await pass()) + (await pass())).toBe(5_000)
  isOut = false
  expect((await pass()) + (await pass())).toBe(15_000)
  expect(await board.read('status')).toMatchObject([{ text: 'status 1' }])
  stop.abort()
  await running
})

test('it publishes at once, after each change, and every 15 seconds', async () => {
  const { tested, pass, pausing, commit, board, published } = publisher()
  const stop = new AbortController()
  const running = tested.run(stop.signal)
  expect(await pass()).toBe(200)
  expect(await pass()).toBe(14_800)
  expect(await board.read('status')).toMatchObject([{ text: 'status 1' }])
  commit()
  // The change came while it paused for others, so there is no second pause.
  expect(await pass()).toBe(200)
  expect(await pass()).toBe(200)
  expect(await board.read('queue')).toMatchObject([{ text: 'queue 2' }])
  await pausing()
  commit()
  expect(await pass()).toBe(200)
  expect(await board.read('status')).toMatchObject([{ text: 'status 3' }])
  // The usage follows a change, but not at once.
  const withUsage = published.map((parts) => parts.includes('usage'))
  expect(withUsage[0]).toBe(true)
  expect(withUsage.filter(Boolean).length).toBeLessThan(withUsage.length)
  await pausing()
  stop.abort()
  await running
})

/** Runs a publisher through these steps. Returns for each of its notices whether the usage was in it. */
async function usageIn(
  steps: (running: ReturnType<typeof publisher>) => Promise<void>,
): Promise<readonly boolean[]> {
  const started = publisher()
  const stop = new AbortController()
  const running = started.tested.run(stop.signal)
  await steps(started)
  await started.pausing()
  stop.abort()
  await running
  return started.published.map((parts) => parts.includes('usage'))
}

test('it adds up the usage 15 seconds after a change', async () => {
  const inNotices = await usageIn(async ({ pass, pausing, commit }) => {
    await pausing().then(({ end }) => end())
    await pausing()
    commit()
    await pass()
    await pass()
    await pass()
    await pass()
  })
  expect(inNotices).toEqual([true, false, true, false])
})

test('it adds up the usage every five minutes, and for a board that lost its data', async () => {
  const inNotices = await usageIn(async ({ turn, board, later }) => {
    await turn()
    later(5 * 60_000)
    await turn()
    board.wipe()
    await turn()
    await turn()
  })
  expect(inNotices).toEqual([true, false, true, false, true])
})

test('it publishes the usage again if a replica takes over that has an earlier one', async () => {
  const inNotices = await usageIn(async ({ turn, board, commit, later }) => {
    await turn()
    const earlier = board.saved()
    commit()
    later(5 * 60_000)
    await turn()
    board.restore(earlier)
    await turn()
    await turn()
  })
  expect(inNotices).toEqual([true, false, true, false, true])
})

test('it reports when it begins to fail, and when it works again', async () => {
  let isOut = true
  const { tested, pass, failures } = publisher((board) => ({
    read: (part) => board.read(part),
    emptyAgo: () => board.emptyAgo(),
    close: () => {},
    post: async (notice) => {
      if (isOut) throw boardUnavailable('board', 'no answer')
      return board.post(notice)
    },
  }))
  const stop = new AbortController()
  const running = tested.run(stop.signal)
  await pass()
  await pass()
  await pass()
  expect(failures).toEqual(['board-unavailable'])
  isOut = false
  await pass()
  await pass()
  expect(failures).toEqual(['board-unavailable', null])
  stop.abort()
  await running
})

test('it publishes the usage again after the board lost it, also if the next answer of the board is lost', async () => {
  let isAnswerLost = false
  const { tested, pass, board, pausing, published } = publisher((board) => ({
    read: (part) => board.read(part),
    emptyAgo: () => board.emptyAgo(),
    close: () => {},
    post: async (notice) => {
      const answer = await board.post(notice)
      if (isAnswerLost) throw boardUnavailable('board', 'no answer')
      return answer
    },
  }))
  const stop = new AbortController()
  const running = tested.run(stop.signal)
  await pass()
  board.wipe()
  isAnswerLost = true
  await pass()
  await pass()
  isAnswerLost = false
  for (let turns = 0; turns < 4; turns++) await pass()
  await pausing()
  expect(published.map((parts) => parts.includes('usage'))).toEqual([true, false, false, true])
  expect(await board.read('usage')).toMatchObject([{ text: 'usage 1' }])
  stop.abort()
  await running
})

test('it reports another host of the same name once, and not its own reboot', async () => {
  const { tested, board, pass, failures } = publisher()
  const host = hostName('gpu1')
  const other = () => board.post({ host, revision: revision(1, 1, 'another boot'), parts: {} })
  await other()
  const stop = new AbortController()
  const running = tested.run(stop.signal)
  await pass()
  await pass()
  await pass()
  expect(failures).toEqual([])
  for (let turn = 0; turn < 4; turn++) {
    await other()
    await pass()
    await pass()
  }
  expect(failures).toEqual(['namesake'])
  stop.abort()
  await running
})
