import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  chownSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { problemsIn } from '../support/checkup.ts'
import { withDatabase } from '../support/database.ts'
import { onlyFailureOf } from '../support/failure.ts'
import { type TestPool, testPool } from '../support/pool.ts'
import { newUser, noUsers, type UnixUser } from '../support/unix-users.ts'

const reason = noUsers()
const FORCE = ['admin', '--gpus', '2', '--provider', 'fake', '--force']
const ENDINGS = ['', '-wal', '-shm', '-wake', '-bells', '-bells/0']

function damage(pool: TestPool): void {
  withDatabase(pool, (db) => db.run('PRAGMA wal_checkpoint(TRUNCATE)'))
  writeFileSync(pool.database, readFileSync(pool.database).fill(0x5a, 4096))
}

describe.skipIf(reason !== null)(
  `recovery in a folder that others can write${reason === null ? '' : ` (skipped: ${reason})`}`,
  () => {
    let eve: UnixUser
    beforeAll(async () => {
      eve = await newUser('eve')
    })
    afterAll(async () => {
      await eve.remove()
    })

    async function damagedPool(mode = 0o1777): Promise<TestPool> {
      const pool = await testPool(0)
      chmodSync(pool.folder, 0o755)
      mkdirSync(`${pool.folder}/pool`)
      writeFileSync(`${pool.folder}/pool/of-somebody`, '')
      chmodSync(`${pool.folder}/pool`, 0o1777)
      expect((await pool.chg('admin', '--gpus', '2', '--provider', 'fake')).status).toBe(0)
      damage(pool)
      chmodSync(`${pool.folder}/pool`, mode)
      return pool
    }

    /** Replaces the damaged pool. Returns the path of the damaged file. */
    async function replaceDamaged(pool: TestPool): Promise<string> {
      const { status, stdout, stderr } = await pool.chg(...FORCE, '--json')
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      return JSON.parse(stdout).damaged.kept_as
    }

    function expectOwnedByRoot(pool: TestPool): void {
      for (const ending of ENDINGS) {
        const stats = lstatSync(pool.database + ending)
        expect(stats.uid).toBe(0)
        expect(stats.isSymbolicLink()).toBe(false)
      }
    }

    test('foreign folders with possible names of the damaged files block nothing and stay unchanged', async () => {
      using pool = await damagedPool()
      const now = Date.now()
      const names = Array.from({ length: 120 }, (_, second) => {
        const time = new Date(now + second * 1000).toISOString().replace(/[-:]|\.\d+/g, '')
        return `${pool.database}.damaged-${time}`
      })
      await eve.sh(pool, `mkdir ${names.map((name) => `'${name}' '${name}-wal'`).join(' ')}`)
      const damaged = readFileSync(pool.database)
      const kept = await replaceDamaged(pool)
      expect(readFileSync(kept)).toEqual(damaged)
      expect(statSync(kept).uid).toBe(0)
      expect(names.filter((name) => readdirSync(name).length > 0)).toEqual([])
      expectOwnedByRoot(pool)
      expect((await eve.chg(pool, 'reserve')).status).toBe(0)
    })

    test('damaged files never replace earlier kept ones', async () => {
      using pool = await damagedPool()
      const kept: string[] = []
      for (let nth = 0; nth < 4; nth++) {
        kept.push(await replaceDamaged(pool))
        damage(pool)
      }
      expect(new Set(kept).size).toBe(4)
      for (const file of kept)
        expect(readFileSync(file).subarray(4096, 4200)).toEqual(Buffer.alloc(104, 0x5a))
    })

    test.each([0o777, 0o2775])(
      'admin creates nothing if other users could replace a new folder with a link: %o',
      async (mode) => {
        using pool = await damagedPool(mode)
        const folder = `${pool.folder}/pool`
        if (mode === 0o2775) chownSync(folder, 0, eve.uid)
        chmodSync(folder, mode)
        const before = readdirSync(folder).sort()
        const commands = [FORCE, ['admin', '--show']]
        for (const command of commands) {
          const failure = onlyFailureOf(await pool.chg(...command, '--json'))
          expect(failure).toMatchObject({ code: 'permission-denied', status: 1 })
          expect(failure.message).toContain(` ${pool.database} `)
          expect(failure.message).toContain(` ${folder},`)
          expect(failure.hint).toContain(`'sudo chown root ${folder} && sudo chmod 755 ${folder}'`)
        }
        expect(readdirSync(folder).sort()).toEqual(before)
        chmodSync(folder, mode | 0o1000)
        expect((await pool.chg(...FORCE)).status).toBe(0)
        expectOwnedByRoot(pool)
      },
    )

    test('admin of an ordinary user creates nothing there either', async () => {
      using pool = await testPool(0)
      chmodSync(pool.folder, 0o755)
      mkdirSync(`${pool.folder}/pool`)
      chmodSync(`${pool.folder}/pool`, 0o777)
      const refused = await eve.chg(pool, 'admin', '--gpus', '1', '--provider', 'fake', '--json')
      expect(onlyFailureOf(refused)).toMatchObject({
        ...{ code: 'permission-denied', message: expect.stringContaining(`${pool.folder}/pool,`), status: 1 },
      })
      expect(readdirSync(`${pool.folder}/pool`)).toEqual([])
    })

    test('root owns the files of the pool after an attacker has replaced them many times', async () => {
      using pool = await damagedPool(0o777)
      const target = `${pool.folder}/of-root`
      writeFileSync(target, 'of root', { mode: 0o600 })
      const folder = `${pool.folder}/pool`
      // The attacker tries to replace a file between its check and its opening.
      const attack = eve.sh(
        pool,
        `until [ -e '${folder}/stop' ]; do
           for ending in '' -wal -shm -wake; do
             ln -s '${target}' '${folder}/x' 2> /dev/null
             mv -fT '${folder}/x' '${pool.database}'$ending 2> /dev/null
             echo foreign > '${folder}/y' 2> /dev/null; chmod 666 '${folder}/y' 2> /dev/null
             mv -fT '${folder}/y' '${pool.database}'$ending 2> /dev/null
           done
         done`,
      )
      for (let nth = 0; nth < 10; nth++) {
        const { stderr, status } = await pool.chg(...FORCE)
        if (status !== 0) expect(stderr).toMatch(/^Error: [^\n]+\n$/)
        expect(statSync(target)).toMatchObject({ uid: 0, mode: 0o100600, size: 7 })
      }
      writeFileSync(`${folder}/stop`, '')
      await attack
      chmodSync(folder, 0o755)
      // The attack leaves its own files at all paths.
      expect(await pool.chg(...FORCE)).toMatchObject({ status: 0 })
      expectOwnedByRoot(pool)
      for (const ending of ['-wal', '-shm', '-wake']) {
        rmSync(pool.database + ending, { force: true })
        plantLink(target, pool.database + ending)
      }
      expect(await pool.chg(...FORCE)).toMatchObject({ status: 0 })
      expectOwnedByRoot(pool)
      expect(statSync(target)).toMatchObject({ uid: 0, mode: 0o100600, size: 7 })
      expect(JSON.stringify(await problemsIn(pool))).not.toContain('chown')
    })

    test('admin refuses a link of an attacker at the path of the database until it is removed', async () => {
      using pool = await damagedPool()
      const target = `${pool.folder}/of-root`
      writeFileSync(target, 'of root', { mode: 0o600 })
      rmSync(pool.database)
      plantLink(target, pool.database)
      const failure = onlyFailureOf(await pool.chg(...FORCE, '--json'))
      expect(failure).toMatchObject({ code: 'permission-denied', status: 1 })
      expect(failure.message).toContain(`the link ${pool.database} of another user (uid ${eve.uid})`)
      expect(statSync(target)).toMatchObject({ uid: 0, mode: 0o100600, size: 7 })
      unlinkSync(pool.database)
      expect(await pool.chg(...FORCE)).toMatchObject({ status: 0 })
      expectOwnedByRoot(pool)
    })

    function plantLink(target: string, path: string): void {
      symlinkSync(target, path)
      lchownSync(path, eve.uid, eve.uid)
    }
  },
)

test('several concurrent admin --force leave one sound pool', async () => {
  using pool = await testPool(2)
  damage(pool)
  const all = await Promise.all(Array.from({ length: 8 }, () => pool.chg(...FORCE)))
  for (const { status, stderr } of all) {
    if (status !== 0) expect(stderr).toMatch(/^Error: [^\n]+\n$/)
  }
  expect(all.some(({ status }) => status === 0)).toBe(true)
  expect((await pool.chg(...FORCE)).status).toBe(0)
  expect(await problemsIn(pool)).toEqual([])
  expect((await pool.chg('reserve')).status).toBe(0)
})
