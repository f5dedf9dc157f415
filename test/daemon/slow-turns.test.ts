import { expect, spyOn, test } from 'bun:test'
import { SlowTurns } from '../../src/daemon/slow-turns.ts'

const [ANN, BEN] = [1000, 1001]
const LIMITS = { mostAtOnce: 1, mostPerAccount: 1 }

test('after a question it rests for twice its time, and no account waits for all of another', async () => {
  let now = 0
  const turns = new SlowTurns({ ...LIMITS, clock: () => now, rests: true })
  const asked: string[] = []
  const question = (who: string, uid: number) =>
    turns.ask({
      uid,
      isWanted: () => true,
      ask: async () => {
        asked.push(who)
        now += 20
      },
    })
  const timers = spyOn(globalThis, 'setTimeout')
  await Promise.all([1, 2, 3].map((n) => question(`ann ${n}`, ANN)).concat(question('ben', BEN)))
  expect(asked).toEqual(['ann 1', 'ben', 'ann 2', 'ann 3'])
  expect(timers.mock.calls.slice(0, 3).map(([, ms]) => ms)).toEqual([40, 40, 40])
  timers.mockRestore()
})

test('a question of a client that has disconnected is not asked', async () => {
  const turns = new SlowTurns({ ...LIMITS, clock: () => 0, rests: false })
  let asked = 0
  const question = { uid: ANN, isWanted: () => false, ask: async () => ++asked }
  expect(await turns.ask(question)).toBeNull()
  expect(asked).toBe(0)
})

test('a failed question does not end the turns', async () => {
  const turns = new SlowTurns({ ...LIMITS, clock: () => 0, rests: false })
  const failing = { uid: ANN, isWanted: () => true, ask: () => Promise.reject(new Error('failed')) }
  expect(turns.ask(failing)).rejects.toThrow('failed')
  expect(await turns.ask({ uid: ANN, isWanted: () => true, ask: async () => 'answer' })).toBe('answer')
})

test('too many questions of an account are refused', () => {
  const turns = new SlowTurns({ ...LIMITS, clock: () => 0, rests: false })
  const question = { uid: ANN, isWanted: () => true, ask: () => new Promise(() => {}) }
  for (let questions = 0; questions < 4_097; questions++) void turns.ask(question)
  expect(turns.ask(question)).rejects.toMatchObject({ code: 'daemon-unavailable' })
})
