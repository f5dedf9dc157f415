import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { daemonPool } from '../test/support/daemon.ts'
import { missing } from '../test/support/needs.ts'
import { buildNewerVersion, currentBuild } from '../test/support/other-builds.ts'
import { type Child, type TestPool, testPool } from '../test/support/pool.ts'
import { newUser, ownName } from '../test/support/unix-users.ts'
import type { PoolSize } from './actions.ts'
import type { ServedPool } from './daemon-faults.ts'
import { paths } from './log.ts'

/** A user of the pool. */
export interface User {
  readonly name: string
  readonly uid: number
  start(...args: string[]): Child
}

/** A pool that all users share, with folders for their jobs and logs. */
export interface Setup extends AsyncDisposable {
  readonly pool: TestPool
  /** Null for an embedded pool. */
  readonly daemon: ServedPool | null
  readonly users: readonly User[]
  /** The beginning of a job's command line: program, log and locks (job.c). The caller appends the rest. */
  job(command: string): readonly string[]
}

/**
 * Without root there is one user: this account. One account cannot act as several users, because a release by id ends
 * every reservation of the account, also the runs of the other users.
 */
export async function setUp({ users, gpus, daemon }: PoolSize & { daemon: boolean }): Promise<Setup> {
  const served = daemon ? await daemonPool(0) : null
  const pool = served ?? (await testPool(0))
  const builds = daemon ? [currentBuild(), currentBuild()] : []
  const newer = daemon ? buildNewerVersion() : undefined
  const accounts =
    missing('users') === null ? await Promise.all(names(users).map((role) => newUser(role))) : []
  const dispose = async () => {
    pool[Symbol.dispose]()
    for (const account of accounts) await account.remove()
    for (const build of builds) build[Symbol.dispose]()
    newer?.[Symbol.dispose]()
  }
  try {
    await prepare(pool, gpus)
  } catch (error) {
    await dispose()
    throw error
  }
  const { jobs, locks } = paths(pool.folder)
  return {
    pool,
    daemon:
      served === null || newer === undefined
        ? null
        : { pool: served, current: builds.map(({ binary }) => binary), newer: newer.binary },
    users:
      accounts.length > 0
        ? accounts.map(({ name, uid, start }) => ({ name, uid, start: (...args) => start(pool, ...args) }))
        : [ownAccount(pool)],
    job: (command) => [`${pool.folder}/job`, `${jobs}/${command}`, locks],
    [Symbol.asyncDispose]: dispose,
  }
}

async function prepare(pool: TestPool, gpus: number): Promise<void> {
  const { jobs, locks } = paths(pool.folder)
  chmodSync(pool.folder, 0o755)
  for (const folder of [jobs, locks]) mkdirSync(folder, { recursive: true })
  chmodSync(jobs, 0o1777)
  for (let gpu = 0; gpu < gpus; gpu++) writeFileSync(`${locks}/${gpu}`, '')
  const source = new URL('job.c', import.meta.url).pathname
  const steps = [
    `gcc -O1 -Wall -o ${pool.folder}/job ${source}`,
    `chmod 755 ${pool.folder}/job ${locks}`,
    `chmod 644 ${locks}/*`,
    `"$CHG" admin --gpus ${gpus} --provider fake`,
  ]
  const { status, stderr } = await pool.sh(steps.join(' && '))
  if (status !== 0) throw new Error(`the setup failed: ${stderr}`)
}

const names = (count: number): string[] => Array.from({ length: count }, (_, nth) => `user${nth}`)

function ownAccount(pool: TestPool): User {
  return { name: ownName(), uid: process.geteuid?.() ?? -1, start: (...args) => pool.start(...args) }
}
