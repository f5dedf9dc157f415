import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StatusDocument } from '../../src/views/schemas/status.ts'
import { kill, pidsWith } from './processes.ts'

/** The built executable under test; `npm test` builds it first. */
export const binary = new URL('../../dist/canhazgpu', import.meta.url).pathname

export interface Finished {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export type Child = Bun.Subprocess<'ignore', 'pipe', 'pipe'>

/** A temporary pool, and the executable that uses it. Disposal kills its processes and removes its folder. */
export interface TestPool extends Disposable {
  readonly folder: string
  readonly store: string
  /** Path of the database. */
  readonly database: string
  readonly env: Record<string, string>
  /** Runs one command to its end. */
  chg(...args: string[]): Promise<Finished>
  /** Starts one command; streams are pipes. */
  start(...args: string[]): Child
  /** Runs a shell script to its end, with `$CHG` the executable. */
  sh(script: string): Promise<Finished>
  /**
   * Sets the readings of the fake driver (docs/fake-gpus.md), in one atomic write: a concurrent reader sees the old or
   * the new scenario, never a part.
   */
  setFakeDriver(scenario: object): void
  /** `status --json`. */
  status(): Promise<readonly StatusDocument[]>
}

/**
 * A pool of fake GPUs in its own folder, which the commands open themselves; with 0 GPUs no pool is set up. `within`:
 * words before each command, which start it in some namespace.
 */
export async function embeddedPool(
  gpus = 4,
  variables: Readonly<Record<string, string>> = {},
  within: readonly string[] = [],
): Promise<TestPool> {
  const folder = mkdtempSync(join(tmpdir(), 'canhazgpu-test-'))
  const database = `${folder}/pool/pool.db`
  const store = `sqlite://${database}`
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    CANHAZGPU_STORE: store,
    CHG: binary,
    ...variables,
  }
  const children: Child[] = []
  const spawn = (argv: string[]): Child => {
    const options = { env, cwd: folder, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' } as const
    const child = Bun.spawn([...within, ...argv], options)
    children.push(child)
    return child
  }
  const pool: TestPool = {
    folder,
    store,
    database,
    env,
    start: (...args) => spawn([binary, ...args]),
    chg: (...args) => finished(spawn([binary, ...args])),
    sh: (script) => finished(spawn(['/bin/sh', '-c', script])),
    setFakeDriver(scenario) {
      const file = `${folder}/usage.json`
      writeFileSync(`${file}.new`, JSON.stringify(scenario))
      renameSync(`${file}.new`, file)
      env.CANHAZGPU_FAKE_USAGE = file
    },
    async status() {
      const { stdout, stderr, status } = await pool.chg('status', '--json')
      if (status !== 0) throw new Error(`status failed: ${stderr}`)
      return JSON.parse(stdout)
    },
    [Symbol.dispose]() {
      for (const child of children) if (child.exitCode === null) child.kill('SIGKILL')
      // Every process of this pool has the store in its environment.
      for (const pid of pidsWith(`CANHAZGPU_STORE=${store}`)) kill(pid, 'SIGKILL')
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  await setUp(pool, gpus)
  return pool
}

/** Sets up a pool with this number of fake GPUs; none if the number is 0. */
export async function setUp(pool: TestPool, gpus: number): Promise<void> {
  if (gpus === 0) return
  const admin = await pool.chg('admin', '--gpus', String(gpus), '--provider', 'fake')
  if (admin.status !== 0) throw new Error(`admin failed: ${admin.stderr}`)
}

export async function finished(child: Child): Promise<Finished> {
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { status, stdout, stderr }
}
