import { expect, test } from 'bun:test'
import { type HostName, readHostName } from '../../src/domain/fleet/host-name.ts'
import { MOST_SNAPSHOT_CHARACTERS, type Revision } from '../../src/domain/fleet/snapshot.ts'
import { type Board, MOST_READ_CHARACTERS } from '../../src/ports/board.ts'

export interface TestedBoard extends AsyncDisposable {
  readonly board: Board
  /** As a server that lost its data. */
  readonly wipe: () => Promise<unknown>
}

export function hostName(text: string): HostName {
  const name = readHostName(text)
  if (name === undefined) throw new Error(`no host name: ${text}`)
  return name
}

export const revision = (committedAt: number, readAt = committedAt, epoch = 'boot 1'): Revision => ({
  ...{ epoch, committedAt, readAt },
})

/** What every board guarantees. */
export function boardContract(open: () => Promise<TestedBoard>): void {
  const host = hostName('gpu1')
  const texts = async (board: Board, part: 'status' | 'queue' | 'usage' = 'status') =>
    Object.fromEntries((await board.read(part)).map((posted) => [posted.host, posted.text]))

  test('an empty board has no hosts', async () => {
    await using tested = await open()
    expect(await tested.board.read('status')).toEqual([])
    expect(await tested.board.read('status', 'gpu1')).toEqual([])
  })

  test('it has the last notice of each host, in the order of the names, and its age', async () => {
    await using tested = await open()
    const { board } = tested
    for (const name of ['gpu2', 'gpu1', 'gpu10']) {
      expect(await board.post({ host: hostName(name), revision: revision(1), parts: { status: name } })).toBe(
        'incomplete',
      )
    }
    expect(await board.post({ host, revision: revision(2), parts: { status: '{"ä":"☃"}' } })).toBe(
      'incomplete',
    )
    const posted = await board.read('status')
    expect(posted.map((each) => [String(each.host), each.text])).toEqual([
      ['gpu1', '{"ä":"☃"}'],
      ['gpu10', 'gpu10'],
      ['gpu2', 'gpu2'],
    ])
    for (const { age } of posted) expect(age).toBeGreaterThanOrEqual(0)
    expect(posted[0]?.revision).toEqual(revision(2))
    expect((await board.read('status', 'gpu2')).map((each) => String(each.host))).toEqual(['gpu2'])
  })

  test('it says that it lacks a part until it has all, also after it has lost them', async () => {
    await using tested = await open()
    const { board } = tested
    const post = (at: number, ...parts: readonly string[]) =>
      board.post({
        host,
        revision: revision(at),
        parts: Object.fromEntries(parts.map((part) => [part, 'x'])),
      })
    expect(await post(1, 'status', 'queue')).toBe('incomplete')
    expect(await post(2, 'status', 'queue')).toBe('incomplete')
    expect(await post(3, 'usage')).toBe('replaced')
    expect(await post(4, 'status', 'queue')).toBe('replaced')
    await tested.wipe()
    expect(await post(5, 'status', 'queue')).toBe('incomplete')
  })

  test('says that it has an earlier usage than the host has published', async () => {
    await using tested = await open()
    const { board } = tested
    const usageOf = revision(2)
    await board.post({ host, revision: revision(1), parts: { status: 's1', queue: 'q1', usage: 'u1' } })
    const post = (nth: number) =>
      board.post({ host, revision: revision(nth), parts: { status: 's' }, usageOf })
    expect(await post(3)).toBe('incomplete')
    await board.post({ host, revision: revision(4), parts: { usage: 'u4' } })
    expect(await board.post({ host, revision: revision(5), parts: {}, usageOf: revision(4) })).toBe(
      'replaced',
    )
  })

  test('a part that a notice lacks stays', async () => {
    await using tested = await open()
    const { board } = tested
    await board.post({ host, revision: revision(1), parts: { status: 's1', usage: 'u1' } })
    await board.post({ host, revision: revision(2), parts: { status: 's2', queue: 'q2' } })
    expect([await texts(board), await texts(board, 'queue'), await texts(board, 'usage')]).toEqual([
      { gpu1: 's2' },
      { gpu1: 'q2' },
      { gpu1: 'u1' },
    ])
    expect((await board.read('queue'))[0]?.revision).toEqual(revision(2))
    expect((await board.read('usage'))[0]?.revision).toEqual(revision(1))
  })

  test.each([
    ['an earlier commit', 'older', revision(1, 5)],
    ['an earlier reading of the same commit', 'older', revision(2, 2)],
    ['the same reading', 'older', revision(2, 3)],
    ['a later reading', 'replaced', revision(2, 4)],
    ['a later commit', 'replaced', revision(3, 3)],
    ['another epoch', 'foreign', revision(1, 1, 'boot 2')],
  ] as const)('after a notice, %s is %s', async (_, answer, next) => {
    await using tested = await open()
    const { board } = tested
    const others = { queue: 'q', usage: 'u' }
    await board.post({ host, revision: revision(2, 3), parts: { ...others, status: 'first' } })
    expect(await board.post({ host, revision: next, parts: { status: 'next' } })).toBe(answer)
    expect(await texts(board)).toEqual({ gpu1: answer === 'older' ? 'first' : 'next' })
  })

  test('a board that lost its data takes every notice', async () => {
    await using tested = await open()
    const { board } = tested
    await board.post({ host, revision: revision(2), parts: { status: 'first' } })
    await tested.wipe()
    expect(await board.read('status')).toEqual([])
    expect(await board.post({ host, revision: revision(1), parts: { status: 'again' } })).toBe('incomplete')
    expect(await texts(board)).toEqual({ gpu1: 'again' })
  })

  test('it tells when it had no hosts, also after it has lost them', async () => {
    await using tested = await open()
    const { board } = tested
    expect(await board.emptyAgo()).toBe(0)
    await board.post({ host, revision: revision(1), parts: { status: 'x' } })
    const before = (await board.emptyAgo()) ?? Number.NaN
    expect(before).toBeGreaterThanOrEqual(0)
    await board.post({ host: hostName('gpu2'), revision: revision(1), parts: { status: 'x' } })
    expect(await board.emptyAgo()).toBeGreaterThanOrEqual(before)
    await tested.wipe()
    expect(await board.emptyAgo()).toBe(0)
    await board.post({ host, revision: revision(1), parts: { status: 'x' } })
    expect(await board.emptyAgo()).toBeGreaterThanOrEqual(0)
  })

  test('a text that is too long is not read', async () => {
    await using tested = await open()
    const { board } = tested
    await board.post({ host, revision: revision(1), parts: { status: 'x'.repeat(MOST_SNAPSHOT_CHARACTERS) } })
    expect((await texts(board)).gpu1).toHaveLength(MOST_SNAPSHOT_CHARACTERS)
    await board.post({
      host,
      revision: revision(2),
      parts: { status: 'x'.repeat(MOST_SNAPSHOT_CHARACTERS + 1) },
    })
    expect(await texts(board)).toEqual({ gpu1: undefined })
  })

  test('the texts are not read beyond a limit, and the other hosts are named with their ages', async () => {
    await using tested = await open()
    const { board } = tested
    const text = 'x'.repeat(MOST_SNAPSHOT_CHARACTERS)
    const fitting = MOST_READ_CHARACTERS.status / MOST_SNAPSHOT_CHARACTERS
    const names = Array.from({ length: fitting + 2 }, (_, at) => hostName(`gpu${at + 100}`))
    for (const name of names) await board.post({ host: name, revision: revision(1), parts: { status: text } })
    await board.post({ host, revision: revision(1), parts: { queue: 'q' } })
    const posted = await board.read('status')
    expect(posted.filter((each) => each.text === text)).toHaveLength(fitting)
    const out = posted.filter(({ isLeftOut }) => isLeftOut)
    expect(out.map((each) => [each.host, each.text])).toEqual(
      names.slice(-2).map((name) => [name, undefined]),
    )
    for (const { age } of out) expect(age).toBeGreaterThanOrEqual(0)
    expect(await board.read('status', out[0]?.host)).toMatchObject([{ text }])
  })

  test('a thousand hosts', async () => {
    await using tested = await open()
    const { board } = tested
    const names = Array.from({ length: 1_000 }, (_, at) => hostName(`gpu${at}`))
    await Promise.all(
      names.map((name) => board.post({ host: name, revision: revision(1), parts: { queue: name } })),
    )
    const posted = await board.read('queue')
    expect(posted.map(({ text }) => text).toSorted()).toEqual(names.map(String).toSorted())
  })
}
