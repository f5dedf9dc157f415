import { binary, type Child, type TestPool } from '../support/pool.ts'

/** A running `canhazgpu web` of the executable under test. */
export interface TestServer {
  readonly url: string
  readonly port: number
  readonly child: Child
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>
  json<Document>(path: string): Promise<Document>
  /** The metrics without the label of the host, which every sample has. */
  metrics(): Promise<string>
  /** Sends the signal. Resolves at the end of the server, with its whole stderr. */
  stop(signal?: NodeJS.Signals): Promise<{ readonly status: number | null; readonly stderr: string }>
}

/** Starts the server on a free port. Disposing of the pool ends it. */
export async function startWeb(pool: TestPool, ...args: string[]): Promise<TestServer> {
  const at = args.includes('--host') ? [] : ['--host', '127.0.0.1']
  const port = args.includes('--port') ? [] : ['--port', '0']
  return served(pool.start('web', ...at, ...port, ...args))
}

/** The address in the text or, with `--json`, in the document. */
const ADDRESS = /http:\/\/[^\s"]+:(\d+)["\n]/

/** The server that runs in this child process. Resolves when it has printed its address. */
export async function served(child: Child): Promise<TestServer> {
  const reader = child.stdout.getReader()
  const decoder = new TextDecoder()
  let printed = ''
  while (!ADDRESS.test(printed)) {
    const { value, done } = await reader.read()
    if (done) throw new Error(`no server: ${await new Response(child.stderr).text()}`)
    printed += decoder.decode(value, { stream: true })
  }
  const port = Number(ADDRESS.exec(printed)?.[1])
  const url = `http://127.0.0.1:${port}`
  const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${url}${path}`, { headers: { ...headers } })
  return {
    url,
    port,
    child,
    get,
    json: async (path) => (await get(path)).json(),
    metrics: async () =>
      (await (await get('/metrics')).text()).replace(/,?host="[^"]*"/g, '').replaceAll('{}', ''),
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      const stderr = await new Response(child.stderr).text()
      return { status: await child.exited, stderr }
    },
  }
}

export { binary }
