import { type TestPool, testPool } from '../support/pool.ts'
import { startWeb, type TestServer } from './web-server.ts'

/** Starts `web --demo` without a pool. */
export async function startDemo(): Promise<
  AsyncDisposable & { readonly server: TestServer; readonly pool: TestPool }
> {
  const pool = await testPool(0)
  const server = await startWeb(pool, '--demo')
  return { pool, server, [Symbol.asyncDispose]: async () => pool[Symbol.dispose]() }
}
