import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { RedisClient } from 'bun'

/** A real server of this test alone, without persistence. */
export interface RedisServer {
  readonly port: number
  readonly process: Bun.Subprocess
  /** Connected, for writing what a test needs. */
  readonly client: RedisClient
  [Symbol.dispose](): void
}

/** Starts `redis-server` at a free port; `more` are further words of its command line. */
export async function redisServer(...more: readonly string[]): Promise<RedisServer> {
  const folder = mkdtempSync(`${tmpdir()}/chg-redis-`)
  // Another process may take the port between the two steps.
  for (let attempt = 0; attempt < 20; attempt++) {
    const port = await freePort()
    const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder]
    const process = Bun.spawn(['redis-server', ...place, '--save', '', ...more], {
      ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' },
    })
    if (!(await isReady(process.stdout))) continue
    const client = new RedisClient(`redis://127.0.0.1:${port}`)
    return {
      ...{ port, process, client },
      [Symbol.dispose]() {
        client.close()
        process.kill('SIGKILL')
        rmSync(folder, { recursive: true, force: true })
      },
    }
  }
  throw new Error('redis-server did not start')
}

/** False if the server ends before it accepts connections. */
async function isReady(stdout: ReadableStream<Uint8Array>): Promise<boolean> {
  const decoder = new TextDecoder()
  const reader = stdout.getReader()
  let log = ''
  for (;;) {
    const { value, done } = await reader.read()
    if (done) return false
    log += decoder.decode(value, { stream: true })
    if (log.includes('Ready to accept connections')) break
  }
  // A full pipe would stop the server.
  void (async () => {
    while (!(await reader.read()).done);
  })()
  return true
}

function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const server = createServer()
  server.on('error', reject)
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
  })
  return promise
}
