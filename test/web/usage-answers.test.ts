import { describe, expect, test } from 'bun:test'
import { HttpError } from '../../src/web/errors.ts'
import { rangeOf } from '../../src/web/query.ts'
import { UsageAnswers } from '../../src/web/usage-answers.ts'

/** Usage answers whose questions the test answers itself. */
function newSetup() {
  const questions: {
    readonly days: number
    readonly answer: (text: string) => void
    fail(error: Error): void
  }[] = []
  let now = 0
  const answers = new UsageAnswers(
    (question) => {
      const { promise, resolve, reject } = Promise.withResolvers<string>()
      questions.push({ days: 'days' in question ? question.days : 0, answer: resolve, fail: reject })
      return promise
    },
    () => now,
  )
  const advance = (ms: number) => {
    now += ms
  }
  const ask = (days: number) => answers.get({ kind: 'daily', days })
  return { questions, ask, advance }
}
const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('questions about the history', () => {
  test('are answered one at a time', async () => {
    const { questions, ask } = newSetup()
    const [first, second] = [ask(1), ask(2)]
    await settled()
    expect(questions.map(({ days }) => days)).toEqual([1])
    questions[0]?.answer('one')
    expect(await first).toBe('one')
    await settled()
    expect(questions.map(({ days }) => days)).toEqual([1, 2])
    questions[1]?.answer('two')
    expect(await second).toBe('two')
  })

  test('share one answer if they are equal; the longer an answer took, the longer it is cached', async () => {
    const { questions, ask, advance } = newSetup()
    const both = [ask(7), ask(7)]
    await settled()
    advance(2_000)
    questions[0]?.answer('same')
    expect(await Promise.all(both)).toEqual(['same', 'same'])
    advance(19_999)
    expect(await ask(7)).toBe('same')
    expect(questions).toHaveLength(1)
    advance(1)
    void ask(7)
    await settled()
    expect(questions).toHaveLength(2)
  })

  test('are refused if too many wait; equal questions still share an answer', async () => {
    const { questions, ask } = newSetup()
    const waiting = Array.from({ length: 8 }, (_, at) => ask(at + 1))
    const error = await ask(9).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(HttpError)
    expect(error).toMatchObject({ status: 503, headers: { 'retry-after': '5' } })
    const shared = ask(1)
    for (let at = 0; at < 8; at++) {
      await settled()
      questions[at]?.answer(`${at}`)
    }
    expect(await shared).toBe('0')
    expect(await Promise.all(waiting)).toHaveLength(8)
    void ask(9)
    await settled()
    expect(questions).toHaveLength(9)
  })

  test('are not answered from the cache after a failure, and a failure blocks no other question', async () => {
    const { questions, ask } = newSetup()
    const [first, second] = [ask(1), ask(2)]
    await settled()
    questions[0]?.fail(new Error('no pool'))
    await expect(first).rejects.toThrow('no pool')
    await settled()
    questions[1]?.answer('two')
    expect(await second).toBe('two')
    void ask(1)
    await settled()
    expect(questions.map(({ days }) => days)).toEqual([1, 2, 1])
  })
})

test('ranges that differ by seconds give the same question', () => {
  const now = Date.UTC(2026, 2, 14, 15, 9, 26)
  const whole = { from: Date.UTC(2026, 2, 13, 15, 9), to: Date.UTC(2026, 2, 14, 15, 10) }
  expect(rangeOf(undefined, undefined, now)).toEqual(whole)
  expect(rangeOf(undefined, undefined, now + 5_000)).toEqual(whole)
  expect(rangeOf('2026-03-13T15:09:59.999Z', '2026-03-14T15:09:00.001Z', now)).toEqual(whole)
})
