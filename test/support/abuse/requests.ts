import { type Abuses, breathe, greeted, ready, times } from './client.ts'
import { caller, intent, view } from './messages.ts'

/** Abuses by more requests than the daemon can answer. */
export const requests: Abuses = {
  async 'floods it with requests, and reads no answer'() {
    for (let at = 0; ; at++) {
      const client = await greeted(false).catch(() => undefined)
      for (const n of times(60)) client?.send(view(n))
      if (at === 50) ready()
      await breathe()
    }
  },

  async 'sends long requests without pause'() {
    const ids = times(9_000).map(String)
    const request = { kind: 'ids' as const, ids }
    for (let at = 0; ; at++) {
      const client = await greeted().catch(() => undefined)
      for (const n of times(60)) {
        const operation = { op: 'acquire' as const, intent: { ...intent(`long-${n}`), request } }
        client?.send({ n, ask: 'perform', operation, caller })
      }
      if (at === 20) ready()
      await breathe()
    }
  },

  async 'asks for the whole history again and again'() {
    const client = await greeted()
    const range = { from: 0, to: 4e12 }
    for (let n = 0; ; n++) {
      client.send({ n, ask: 'usage', question: { kind: 'history', range, most: 20_000 } })
      client.send({ n, ask: 'usage', question: { kind: 'daily', days: 366 } })
      client.send({ n, ask: 'usage', question: { kind: 'report', days: 3_650 } })
      while (client.answers.length < 3 * n) await breathe()
      client.answers.fill('')
      if (n === 2) ready()
    }
  },

  async 'stops in the middle of everything'() {
    for (const at of times(100)) {
      const client = await greeted()
      client.send({ n: 1, ask: 'wait', intent: intent(`stopped-${at}`), caller })
      client.send({ n: 2, ask: 'watch' })
      client.send(view(3))
    }
    ready()
    process.kill(process.pid, 'SIGSTOP')
  },

  async 'asks for reports on every connection'() {
    for (let at = 0; ; at++) {
      const client = await greeted().catch(() => undefined)
      for (const n of times(60)) client?.send({ n, ask: 'usage', question: { kind: 'report', days: 3_650 } })
      if (at === 100) ready()
      await breathe()
    }
  },
}
