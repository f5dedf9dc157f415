import { type Abuses, breathe, type Client, connect, greeted, ready, times } from './client.ts'
import { caller, intent, view } from './messages.ts'

/** Abuses by messages that are no requests: half, too long, empty, or without meaning. */
export const brokenMessages: Abuses = {
  async 'sends half requests'() {
    for (const _ of times(500)) (await greeted()).send('{"n":1,"ask":')
    ready()
  },

  async 'sends requests byte by byte'() {
    const clients = await Promise.all(times(500).map(() => greeted()))
    for (let at = 0; ; at++) {
      for (const client of clients) client.send('x')
      if (at === 20) ready()
      await breathe()
    }
  },

  async 'sends only line breaks'() {
    const breaks = '\n'.repeat(200_000)
    for (let at = 0; ; at++) {
      const client = await connect().catch(() => undefined)
      client?.send(breaks)
      if (at === 50) ready()
      await breathe()
    }
  },

  async 'greets without pause'() {
    const greetings = '{"protocol":1}\n'.repeat(4_000)
    for (let at = 0; ; at++) {
      const client = await greeted().catch(() => undefined)
      client?.send(greetings)
      if (at === 50) ready()
      await breathe()
    }
  },

  async 'sends requests that are too long'() {
    for (let at = 0; ; at++) {
      const client = await greeted().catch(() => undefined)
      client?.send('x'.repeat(100_000))
      if (at === 200) ready()
      await breathe()
    }
  },

  async 'sends a burst of bytes on each of 1,000 connections'() {
    await burstForEver('x'.repeat(200_000))
  },

  async 'sends a burst of requests on each of 1,000 connections'() {
    await burstForEver(
      times(60)
        .map((n) => `${JSON.stringify(view(n))}\n`)
        .join(''),
    )
  },

  async 'sends requests for 100,000 GPUs by their ids'() {
    const ids = times(100_000).map(String)
    const operation = { op: 'acquire', intent: { ...intent('long'), request: { kind: 'ids', ids } } }
    await sendForEver(`${JSON.stringify({ n: 1, ask: 'perform', operation, caller })}\n`)
  },

  async 'sends requests that are nested as deep as possible'() {
    await sendForEver(`{"n":1,"ask":${'['.repeat(30_000)}${']'.repeat(30_000)}}\n`)
  },
}

/** Each message on its own connection. */
async function sendForEver(message: string): Promise<never> {
  for (let at = 0; ; at++) {
    const client = await greeted().catch(() => undefined)
    client?.send(message)
    if (at === 200) ready()
    await breathe()
  }
}

/** On all connections at once, again and again. */
async function burstForEver(message: string): Promise<never> {
  const bytes = Buffer.from(message)
  for (let at = 0; ; at++) {
    const clients: Client[] = []
    while (clients.length < 1_000) {
      const client = await greeted().catch(() => undefined)
      if (client === undefined) await breathe()
      else clients.push(client)
    }
    while (clients.some(({ isOpen, answers }) => isOpen && answers.length === 0)) await breathe()
    for (const { socket } of clients) socket.write(bytes)
    if (at === 1) ready()
    await breathe()
    for (const { socket } of clients) socket.terminate()
  }
}
