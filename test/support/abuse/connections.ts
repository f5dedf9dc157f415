import { dlopen } from 'bun:ffi'
import { type Abuses, breathe, type Client, connect, greeted, path, ready, times } from './client.ts'
import { view } from './messages.ts'

/** Abuses by opening and closing connections. */
export const connections: Abuses = {
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
}
