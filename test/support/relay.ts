/** A way to a server on which a test does what networks do. */
export interface Relay extends Disposable {
  readonly url: string
  readonly port: number
  /** Bytes arrive this much later, in both directions. */
  delay(ms: number): void
  /** Neither bytes nor new connections arrive, and nobody is told. */
  cut(): void
  /** As before; what was sent meanwhile is lost, and with it those connections. */
  restore(): void
  /** New connections go there. */
  lead(port: number): void
}

interface Side {
  end(): unknown
  write(bytes: Uint8Array): unknown
}

export function relayTo(first: number): Relay {
  let target = first
  let isCut = false
  let lag = 0
  const open = new Set<Side>()
  const lost = new Set<Side>()

  const pass = (to: Side | undefined, bytes: Uint8Array): void => {
    if (to === undefined) return
    if (isCut) return void lost.add(to)
    const copy = bytes.slice()
    if (lag === 0) return void to.write(copy)
    setTimeout(() => void to.write(copy), lag)
  }

  const listener = Bun.listen<{ early: Uint8Array[]; far?: Side }>({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      async open(near) {
        near.data = { early: [] }
        open.add(near)
        if (isCut) return void lost.add(near)
        const far = await Bun.connect({
          hostname: '127.0.0.1',
          port: target,
          socket: {
            data: (_, bytes) => pass(near, bytes),
            close: () => void near.end(),
            error: () => void near.end(),
          },
        }).catch(() => undefined)
        if (far === undefined) return void near.end()
        open.add(far)
        near.data.far = far
        for (const bytes of near.data.early.splice(0)) pass(far, bytes)
      },
      data(near, bytes) {
        if (near.data.far === undefined) near.data.early.push(bytes.slice())
        else pass(near.data.far, bytes)
      },
      close: (near) => {
        open.delete(near)
        near.data.far?.end()
      },
    },
  })

  const end = (sides: Set<Side>): void => {
    for (const side of sides) side.end()
    sides.clear()
  }
  return {
    port: listener.port,
    url: `redis://127.0.0.1:${listener.port}`,
    delay: (ms) => {
      lag = ms
    },
    cut: () => {
      isCut = true
    },
    restore() {
      isCut = false
      lag = 0
      end(lost)
    },
    lead: (port) => {
      target = port
    },
    [Symbol.dispose]() {
      end(open)
      listener.stop(true)
    },
  }
}
