/** An address at which a board cannot be reached as usual. */
export interface Way extends Disposable {
  readonly url: string
}

/** A way to the server on which bytes take this much longer, in both directions. */
export const slowWay = (port: number, ms: number): Promise<Way> =>
  wayOf([process.execPath, new URL('slow-way.ts', import.meta.url).pathname, String(port), String(ms)])

/** A listener whose queue of connections is full, so that further packets vanish. */
const FULL = `
import socket, time
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(0)
waiting = [socket.create_connection(listener.getsockname())]
print(listener.getsockname()[1], flush=True)
time.sleep(1e6)`

/** Nobody answers the first packet of a connection, as behind a cut cable. */
export const lostWay = (): Promise<Way> => wayOf(['python3', '-c', FULL])

async function wayOf(argv: readonly string[]): Promise<Way> {
  const process = Bun.spawn([...argv], { stdio: ['ignore', 'pipe', 'inherit'] })
  const { value } = await process.stdout.getReader().read()
  const port = Number(new TextDecoder().decode(value))
  if (!(port > 0)) throw new Error(`${argv[0]} did not start`)
  return { url: `redis://127.0.0.1:${port}`, [Symbol.dispose]: () => process.kill('SIGKILL') }
}
