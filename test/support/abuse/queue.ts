import { type Abuses, breathe, greeted, ready, times } from './client.ts'
import { caller, intent } from './messages.ts'

/** Abuses by waiting for GPUs and watching the pool. */
export const queue: Abuses = {
  async 'watches as often as it can while it changes the pool'() {
    for (const _ of times(500)) {
      const watcher = await greeted()
      for (const n of times(60)) watcher.send({ n, ask: 'watch' })
    }
    await changeForEver()
  },

  async 'watches without reading while it changes the pool'() {
    for (const _ of times(1_000)) {
      const watcher = await greeted(false)
      for (const n of times(10)) watcher.send({ n, ask: 'watch' })
    }
    await changeForEver()
  },

  async 'waits 1,000 times'() {
    const clients = await Promise.all(times(20).map(() => greeted()))
    const ids = times(1_000).map((at) => `wait-${at}`)
    for (const [n, id] of ids.entries()) {
      clients[n % clients.length]?.send({ n, ask: 'wait', intent: intent(id), caller })
    }
    const answered = () =>
      clients.flatMap(({ answers }) => answers.filter((text) => text.includes('over-limit')))
    while (answered().length < 1_000 - 256) await breathe()
    ready({ refused: answered().length })
    await changeForEver()
  },

  async 'waits, disconnects and waits again'() {
    for (let at = 0; ; at++) {
      const client = await greeted().catch(() => undefined)
      for (const n of times(10)) client?.send({ n, ask: 'wait', intent: intent(`again-${at}-${n}`), caller })
      if (at === 100) ready()
      await breathe()
      client?.socket.terminate()
    }
  },
}

/** The daemon disconnects a client while too many requests of its account wait. */
async function changeForEver(): Promise<void> {
  let client = await greeted()
  let changes = 0
  for (let at = 0; ; at++) {
    if (!client.isOpen) {
      client = await greeted()
      changes = 0
    }
    const operation = { op: 'acquire' as const, intent: intent(`c-${at}`) }
    client.send({ n: 2 * at, ask: 'perform', operation, caller })
    client.send({ n: 2 * at + 1, ask: 'perform', operation: { op: 'release' }, caller })
    changes++
    if (at === 50) ready()
    while (client.isOpen && client.answers.length < 2 * changes) await breathe()
    client.answers.fill('')
  }
}
