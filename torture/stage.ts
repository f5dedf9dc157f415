import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { missing } from '../test/support/needs.ts'
import { type Child, type TestPool, testPool } from '../test/support/pool.ts'
import { newUser, ownName } from '../test/support/unix-users.ts'
import { places } from './log.ts'
import type { Cast } from './script.ts'

/** Somebody who types commands. */
export interface Player {
  readonly name: string
  readonly uid: number
  start(...args: string[]): Child
}

/** A pool that all players share, with room for their jobs and logs. */
export interface Stage extends AsyncDisposable {
  readonly pool: TestPool
  readonly players: readonly Player[]
  /** The command line of a job that logs to this file, without what it shall do. */
  job(command: string): readonly string[]
}

/**
 * Without root's rights there is one player, this account. It must not play several: a release by id ends every
 * reservation of the account, also the runs of the others.
 */
export async function setStage({ users, gpus }: Cast): Promise<Stage> {
  const pool = await testPool(0)
  const accounts =
    missing('users') === null ? await Promise.all(names(users).map((role) => newUser(role))) : []
  const dispose = async () => {
    pool[Symbol.dispose]()
    for (const account of accounts) await account.remove()
  }
  try {
    await furnish(pool, gpus)
  } catch (error) {
    await dispose()
    throw error
  }
  const { jobs, locks } = places(pool.folder)
  return {
    pool,
    players:
      accounts.length > 0
        ? accounts.map(({ name, uid, start }) => ({ name, uid, start: (...args) => start(pool, ...args) }))
        : [ourselves(pool)],
    job: (command) => [`${pool.folder}/job`, `${jobs}/${command}`, locks],
    [Symbol.asyncDispose]: dispose,
  }
}

async function furnish(pool: TestPool, gpus: number): Promise<void> {
  const { jobs, locks } = places(pool.folder)
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
  if (status !== 0) throw new Error(`the stage cannot be set: ${stderr}`)
}

const names = (count: number): string[] => Array.from({ length: count }, (_, nth) => `player${nth}`)

function ourselves(pool: TestPool): Player {
  return { name: ownName(), uid: process.geteuid?.() ?? -1, start: (...args) => pool.start(...args) }
}
