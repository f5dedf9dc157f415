import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { daemonPool } from '../test/support/daemon.ts'
import { startBuild } from '../test/support/installed.ts'
import { missing } from '../test/support/needs.ts'
import {
  type Build,
  buildWith,
  currentBuild,
  NEWER,
  type SourceChange,
} from '../test/support/other-builds.ts'
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
  /** The account that set up the pool. */
  readonly administrator: User
  /** The beginning of a job's command line: program, log and locks (job.c). The caller appends the rest. */
  job(command: string): readonly string[]
}

/** No round has half an hour for an unused booking. */
export const UNUSED_AFTER_MS = 1_500

const UNUSED_AFTER: SourceChange = {
  file: 'domain/operation/booked.ts',
  change: (source) => source.replace(/(UNUSED_AFTER_MS: Millis = ).*/, `$1${UNUSED_AFTER_MS}`),
}

/**
 * Without root there is one user: this account. One account cannot act as several users, because a release by id ends
 * every reservation of the account, also the runs of the other users.
 */
export async function setUp({ users, gpus, daemon }: PoolSize & { daemon: boolean }): Promise<Setup> {
  const served = daemon ? await daemonPool(0) : null
  const pool = served ?? (await testPool(0))
  const build = buildWith(UNUSED_AFTER)
  const others = daemon ? [currentBuild(build.binary), buildWith(UNUSED_AFTER, NEWER)] : []
  const [other, newer] = others
  pool.env.CHG = build.binary
  const accounts =
    missing('users') === null
      ? await Promise.all(names(users).map((role) => newUser(role, [], build.binary)))
      : []
  const dispose = async () => {
    pool[Symbol.dispose]()
    for (const account of accounts) await account.remove()
    for (const each of [build, ...others]) each[Symbol.dispose]()
  }
  try {
    await served?.killDaemon()
    await served?.restart(build.binary)
    await prepare(pool, gpus)
  } catch (error) {
    await dispose()
    throw error
  }
  const { jobs, locks } = paths(pool.folder)
  const administrator = ownAccount(pool, build)
  return {
    pool,
    daemon:
      served === null || other === undefined || newer === undefined
        ? null
        : { pool: served, current: [build.binary, other.binary], newer: newer.binary },
    administrator,
    users:
      accounts.length > 0
        ? accounts.map(({ name, uid, start }) => ({ name, uid, start: (...args) => start(pool, ...args) }))
        : [administrator],
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

function ownAccount(pool: TestPool, build: Build): User {
  return {
    name: ownName(),
    uid: process.geteuid?.() ?? -1,
    start: (...args) => startBuild(build, pool, ...args),
  }
}
