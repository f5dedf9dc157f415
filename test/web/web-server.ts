import { binary, type Child, type TestPool } from '../support/pool.ts'

/** The dashboard of a pool, served by the executable under test. */
export interface TestServer {
  readonly url: string
  readonly port: number
  readonly child: Child
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>
  json<Document>(path: string): Promise<Document>
  /** Its whole stderr, after its end. */
  stop(signal?: NodeJS.Signals): Promise<{ readonly status: number | null; readonly stderr: string }>
}

/** Starts the server on a free port. It ends with the pool. */
export async function startWeb(pool: TestPool, ...args: string[]): Promise<TestServer> {
  const at = args.includes('--host') ? [] : ['--host', '127.0.0.1']
  const port = args.includes('--port') ? [] : ['--port', '0']
  return served(pool.start('web', ...at, ...port, ...args))
}

/** The server in this child, once it has printed its address. */
export async function served(child: Child): Promise<TestServer> {
  const reader = child.stdout.getReader()
  const decoder = new TextDecoder()
  let printed = ''
  while (!printed.includes('\n')) {
    const { value, done } = await reader.read()
    if (done) throw new Error(`no server: ${await new Response(child.stderr).text()}`)
    printed += decoder.decode(value, { stream: true })
  }
  const port = Number(/^Serving the GPU dashboard on http:\/\/\S+:(\d+)\n$/.exec(printed)?.[1])
  if (!Number.isInteger(port)) throw new Error(`not the output of a server: ${printed}`)
  const url = `http://127.0.0.1:${port}`
  const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${url}${path}`, { headers: { ...headers } })
  return {
    url,
    port,
    child,
    get,
    json: async (path) => (await get(path)).json(),
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      const stderr = await new Response(child.stderr).text()
      return { status: await child.exited, stderr }
    },
  }
}

export { binary }
