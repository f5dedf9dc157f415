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
import { withDatabase } from '../support/database.ts'
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

    const keptBy = (stderr: string): string => /is kept as (\S+);/.exec(stderr)?.[1] ?? ''

    function expectOwnedByRoot(pool: TestPool): void {
      for (const ending of ENDINGS) {
        const stats = lstatSync(pool.database + ending)
        expect(stats.uid).toBe(0)
        expect(stats.isSymbolicLink()).toBe(false)
      }
    }

    test('planted names for the damaged files block nothing and are not touched', async () => {
      using pool = await damagedPool()
      const now = Date.now()
      const names = Array.from({ length: 120 }, (_, second) => {
        const time = new Date(now + second * 1000).toISOString().replace(/[-:]|\.\d+/g, '')
        return `${pool.database}.damaged-${time}`
      })
      await eve.sh(pool, `mkdir ${names.map((name) => `'${name}' '${name}-wal'`).join(' ')}`)
      const damaged = readFileSync(pool.database)
      const forced = await pool.chg(...FORCE)
      expect(forced.status).toBe(0)
      const kept = keptBy(forced.stderr)
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
        kept.push(keptBy((await pool.chg(...FORCE)).stderr))
        damage(pool)
      }
      expect(new Set(kept).size).toBe(4)
      for (const file of kept)
        expect(readFileSync(file).subarray(4096, 4200)).toEqual(Buffer.alloc(104, 0x5a))
    })

    test.each([0o777, 0o2775])(
      'nothing is created if others could replace a new folder by a link: %o',
      async (mode) => {
        using pool = await damagedPool(mode)
        const folder = `${pool.folder}/pool`
        if (mode === 0o2775) chownSync(folder, 0, eve.uid)
        chmodSync(folder, mode)
        const before = readdirSync(folder).sort()
        const commands = [FORCE, ['admin', '--show']]
        for (const command of commands) {
          const refused = await pool.chg(...command)
          expect(refused).toMatchObject({ status: 1, stdout: '' })
          expect(refused.stderr).toBe(
            `Error: The pool ${pool.database} is not set up or repaired in ${folder}, where other users can rename its files - 'sudo chown root ${folder} && sudo chmod 755 ${folder}' prevents it\n`,
          )
        }
        expect(readdirSync(folder).sort()).toEqual(before)
        chmodSync(folder, mode | 0o1000)
        expect((await pool.chg(...FORCE)).status).toBe(0)
        expectOwnedByRoot(pool)
      },
    )

    test('nothing is created by a user either', async () => {
      using pool = await testPool(0)
      chmodSync(pool.folder, 0o755)
      mkdirSync(`${pool.folder}/pool`)
      chmodSync(`${pool.folder}/pool`, 0o777)
      const made = await eve.chg(pool, 'admin', '--gpus', '1', '--provider', 'fake')
      expect(made.stderr).toContain('where other users can rename its files')
      expect(readdirSync(`${pool.folder}/pool`)).toEqual([])
    })

    test('root owns the pool at the end, for any files that an attacker creates', async () => {
      using pool = await damagedPool(0o777)
      const target = `${pool.folder}/of-root`
      writeFileSync(target, 'of root', { mode: 0o600 })
      const folder = `${pool.folder}/pool`
      // Tries to win a race between checking a file and opening it.
      const attack = eve.sh(
        pool,
        `until [ -e '${folder}/stop' ]; do
           for ending in '' -wal -shm -wake; do
             ln -s '${target}' '${folder}/x' 2> /dev/null
             mv -fT '${folder}/x' '${pool.database}'$ending 2> /dev/null
             echo planted > '${folder}/y' 2> /dev/null; chmod 666 '${folder}/y' 2> /dev/null
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
      // The attack left its own files at all paths.
      expect(await pool.chg(...FORCE)).toMatchObject({ status: 0 })
      expectOwnedByRoot(pool)
      for (const ending of ['-wal', '-shm', '-wake']) {
        rmSync(pool.database + ending, { force: true })
        plantLink(target, pool.database + ending)
      }
      expect(await pool.chg(...FORCE)).toMatchObject({ status: 0 })
      expectOwnedByRoot(pool)
      expect(statSync(target)).toMatchObject({ uid: 0, mode: 0o100600, size: 7 })
      expect((await pool.chg('admin', '--check')).stdout).not.toContain('chown')
    })

    test('a link of an attacker instead of the database is refused until it is removed', async () => {
      using pool = await damagedPool()
      const target = `${pool.folder}/of-root`
      writeFileSync(target, 'of root', { mode: 0o600 })
      rmSync(pool.database)
      plantLink(target, pool.database)
      const { status, stderr } = await pool.chg(...FORCE)
      expect(stderr).toContain(`the link ${pool.database} of another user (uid ${eve.uid}), is on its path`)
      expect(status).toBe(1)
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
  expect((await pool.chg('admin', '--check')).stdout).toContain('is sound')
  expect((await pool.chg('reserve')).status).toBe(0)
})
