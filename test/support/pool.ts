import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The built executable under test; `npm test` builds it first. */
export const binary = new URL('../../dist/canhazgpu', import.meta.url).pathname

export interface Finished {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A throw-away pool and the executable bound to it; disposed of with everything in it. */
export interface TestPool extends Disposable {
  readonly folder: string
  readonly store: string
  readonly env: Record<string, string>
  /** Runs one command to its end. */
  chg(...args: string[]): Promise<Finished>
  /** Starts one command; streams are pipes. */
  start(...args: string[]): Bun.Subprocess<'ignore', 'pipe', 'pipe'>
}

/** A pool of fake GPUs in a folder of its own; with 0 GPUs none is set up. */
export async function testPool(gpus = 4): Promise<TestPool> {
  const folder = mkdtempSync(join(tmpdir(), 'canhazgpu-test-'))
  const store = `sqlite://${folder}/pool/pool.db`
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    CANHAZGPU_STORE: store,
  }
  const start = (...args: string[]) =>
    Bun.spawn([binary, ...args], { env, cwd: folder, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const pool: TestPool = {
    folder,
    store,
    env,
    start,
    chg: (...args) => finished(start(...args)),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
  if (gpus > 0) {
    const admin = await pool.chg('admin', '--gpus', String(gpus), '--provider', 'fake')
    if (admin.status !== 0) throw new Error(`admin failed: ${admin.stderr}`)
  }
  return pool
}

export async function finished(child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>): Promise<Finished> {
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { status, stdout, stderr }
}
