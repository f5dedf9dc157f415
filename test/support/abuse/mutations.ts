import { type Abuses, breathe, greeted, ready } from './client.ts'
import { caller, intent, view } from './messages.ts'

/** Abuses by messages that are nearly right. */
export const mutations: Abuses = {
  async 'sends mutated sessions'() {
    const reader = await greeted()
    reader.send(view(1, 'stored'))
    while (reader.answers.length < 3) await breathe()
    const victim = /"id":"([0-9a-f]{12})"/.exec(reader.answers[1] ?? '')?.[1] ?? ''
    const messages = messagesFor(victim)
    const random = randomNumbers(Date.now())
    let defects = 0
    let answers = 0
    for (let session = 1; ; session++) {
      const client = await greeted().catch(() => undefined)
      for (let n = 1; client?.isOpen === true && n <= 1 + random(20); n++) {
        const text = JSON.stringify({ ...messages[random(messages.length)], n })
        client.send(`${mutated(text, random)}${random(20) === 0 ? '' : '\n'}`)
        if (random(3) === 0) await breathe()
      }
      // Time for the answers.
      for (let turns = 0; turns < 5; turns++) await breathe()
      defects += client?.answers.filter((answer) => answer.includes('"code":"internal"')).length ?? 0
      answers += client?.answers.filter((answer) => answer.includes('"answer"')).length ?? 0
      client?.socket.end()
      if (session === 300) ready({ defects, victim: victim.length, isAnswered: Number(answers > 100) })
    }
  },
}

/** Valid messages of every kind. `victim` is a reservation of another account. */
const messagesFor = (victim: string): readonly object[] => {
  const requests = (id: string) => [
    { ask: 'perform', operation: { op: 'acquire', intent: intent(id) }, caller },
    { ask: 'perform', operation: { op: 'claim', intent: intent(id), exact: true }, caller },
    { ask: 'perform', operation: { op: 'end', id, outcome: 'released' }, caller },
    { ask: 'wait', intent: intent(id), waitFor: 10, caller },
    { ask: 'leave', id },
    { ask: 'keep', id },
  ]
  return [
    ...requests('own'),
    ...requests(victim),
    { ask: 'perform', operation: { op: 'release' }, caller },
    { ask: 'perform', operation: { op: 'release', units: ['0', '1'] }, caller },
    { ask: 'perform', operation: { op: 'extend', by: 60_000 }, caller },
    { ask: 'perform', operation: { op: 'drain', units: ['0'] }, caller },
    { ask: 'perform', operation: { op: 'restore', units: ['0'] }, caller },
    { ask: 'perform', operation: { op: 'adopt-devices' }, caller },
    { ask: 'perform', operation: { op: 'settle' }, caller },
    { ask: 'view', view: 'status', caller },
    { ask: 'view', view: 'stored', caller },
    { ask: 'usage', question: { kind: 'report', days: 30 } },
    { ask: 'administer', action: { name: 'settings' } },
    {
      ask: 'administer',
      action: { name: 'set-up', wanted: { gpuCount: 1, force: true, policy: {}, provider: 'fake' } },
    },
    { ask: 'watch' },
    { protocol: 1 },
  ]
}

/** Numbers from a seed, from 0 to `below` - 1. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state % below
  }
}

const SCRAPS = ['"', '{', '}', '[]', 'null', '-1', '1e999', '\\u0000', '\ud800', '0', '\n', 'root', ',', ':']

/** A message that is changed in up to three places; mostly not at all, so that a session goes on. */
function mutated(text: string, random: (below: number) => number): string {
  let changed = text
  for (let left = random(8) === 0 ? 1 + random(3) : 0; left > 0; left--) {
    const at = random(changed.length + 1)
    const end = at + random(12)
    const inserted =
      random(2) === 0 ? SCRAPS[random(SCRAPS.length)] : changed.slice(random(changed.length), at)
    changed = changed.slice(0, at) + inserted + changed.slice(random(2) === 0 ? at : end)
  }
  return changed
}
