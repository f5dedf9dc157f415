/**
 * A hostile client of a daemon: `abuser.ts <socket> <abuse>`. Prints a line when the abuse is under way, and goes on
 * until it is killed. It imports only types of the project, because other users cannot read the checkout.
 */
import { dlopen } from 'bun:ffi'
import type { CallerSettings, Greeting } from '../../src/app/remote/protocol.ts'
import type { CheckedRequest } from '../../src/daemon/requests.ts'
import type { Intent } from '../../src/domain/operation/intent.ts'
import type { Views } from '../../src/ports/pool-service.ts'

const [, , path = '', abuse = ''] = process.argv

interface Client {
  readonly send: (message: CheckedRequest | Greeting | string) => void
  readonly answers: string[]
  readonly socket: Bun.Socket<undefined>
  isOpen: boolean
}

async function connect(isReading = true): Promise<Client> {
  const answers: string[] = []
  let unwritten = Buffer.alloc(0)
  const socket = await Bun.connect<undefined>({
    unix: path,
    socket: {
      data(_, bytes) {
        const parts = bytes.toString().split('\n')
        answers[Math.max(0, answers.length - 1)] = (answers.at(-1) ?? '') + (parts[0] ?? '')
        answers.push(...parts.slice(1))
      },
      drain(open) {
        unwritten = unwritten.subarray(Math.max(0, open.write(unwritten)))
      },
      close() {
        client.isOpen = false
      },
      error() {
        client.isOpen = false
      },
    },
  })
  if (!isReading) socket.pause()
  const client: Client = {
    ...{ answers, socket, isOpen: true },
    send(message) {
      const bytes = Buffer.from(typeof message === 'string' ? message : `${JSON.stringify(message)}\n`)
      const written = unwritten.length > 0 ? 0 : Math.max(0, socket.write(bytes))
      unwritten = Buffer.concat([unwritten, bytes.subarray(written)])
    },
  }
  return client
}

async function greeted(isReading = true): Promise<Client> {
  const client = await connect(isReading)
  client.send({ protocol: 1 })
  return client
}

const caller: CallerSettings = { threshold: null, probeTimeout: 10_000 }
const view = (n: number, name: keyof Views = 'status'): CheckedRequest => ({
  n,
  ask: 'view',
  view: name,
  caller,
})
const intent = (id: string): Intent => ({
  ...{ id, request: { kind: 'count', count: 1 }, term: { kind: 'manual', duration: 60_000 } },
  owner: { account: { uid: 0, name: 'root' }, shownName: 'root' },
})

const ready = (facts: object = {}): void => console.log(JSON.stringify(facts))
/** Lets other events happen. */
const breathe = () => new Promise((resolve) => setTimeout(resolve, 1))
const times = (count: number) => Array.from({ length: count }, (_, at) => at)

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

const ABUSES: Readonly<Record<string, () => Promise<void>>> = {
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

  async 'opens 10,000 connections'() {
    const clients: Client[] = []
    // A full backlog refuses connections.
    while (clients.length < 10_000) {
      const client = await connect().catch(() => undefined)
      if (client === undefined) await breathe()
      else clients.push(client)
    }
    for (;;) {
      await breathe()
      const refused = clients.filter(({ isOpen }) => !isOpen)
      if (clients.length - refused.length > 1_024) continue
      const told = refused.filter(({ answers }) => answers[0]?.includes('too many connections'))
      ready({ accepted: clients.length - refused.length, refused: refused.length, told: told.length })
      return
    }
  },

  async 'opens refused connections, and keeps its end of them open'() {
    for (let at = 0; ; at++) {
      const client = await greeted().catch(() => undefined)
      client?.send('nonsense\n')
      if (at === 2_000) ready()
    }
  },

  async 'connects and disconnects'() {
    for (let at = 0; ; at++) {
      const client = await greeted().catch(() => undefined)
      client?.send(view(1))
      client?.socket.terminate()
      if (at === 500) ready()
    }
  },

  async 'connects and disconnects as fast as the kernel allows, from several processes'() {
    const more = times(3).map(() =>
      Bun.spawn([process.execPath, Bun.main, path, 'connects and disconnects as fast as the kernel allows'], {
        ...{ stdout: 'pipe', stderr: 'inherit' },
      }),
    )
    for (const { stdout } of more) await stdout.getReader().read()
    ready()
  },

  async 'connects and disconnects as fast as the kernel allows'() {
    const { symbols: c } = dlopen('libc.so.6', {
      socket: { args: ['int', 'int', 'int'], returns: 'int' },
      connect: { args: ['int', 'ptr', 'u32'], returns: 'int' },
      close: { args: ['int'], returns: 'int' },
      prctl: { args: ['int', 'u64'], returns: 'int' },
    })
    const [PR_SET_PDEATHSIG, SIGKILL, AF_UNIX, SOCK_STREAM] = [1, 9, 1, 1]
    c.prctl(PR_SET_PDEATHSIG, SIGKILL)
    const address = new Uint8Array(110)
    address.set([AF_UNIX])
    address.set(Buffer.from(path), 2)
    for (let at = 0; ; at++) {
      const fd = c.socket(AF_UNIX, SOCK_STREAM, 0)
      c.connect(fd, address, address.length)
      c.close(fd)
      if (at === 1_000) ready()
    }
  },

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

  async 'watches as often as it can while it changes the pool'() {
    for (const _ of times(500)) {
      const watcher = await greeted()
      for (const n of times(60)) watcher.send({ n, ask: 'watch' })
    }
    await changeForEver()
  },

  async 'watches without reading while it changes the pool'() {
    for (const _ of times(200)) {
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
}

async function changeForEver(): Promise<void> {
  const client = await greeted()
  for (let at = 0; ; at++) {
    client.send({
      n: at,
      ask: 'perform',
      operation: { op: 'acquire', intent: intent(`c-${at}`) },
      caller,
    })
    client.send({ n: at, ask: 'perform', operation: { op: 'release' }, caller })
    if (at === 50) ready()
    while (client.answers.length < 2 * at) await breathe()
    client.answers.fill('')
  }
}

await ABUSES[abuse]?.()
// Connections stay open.
setInterval(() => {}, 1_000_000)
