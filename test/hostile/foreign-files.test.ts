import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { problemsIn } from '../support/checkup.ts'
import { withDatabase } from '../support/database.ts'
import { onlyFailureOf, withJson } from '../support/failure.ts'
import { needing } from '../support/needs.ts'
import { type Finished, type TestPool, testPool } from '../support/pool.ts'
import { newGroup, newUser, noUsers, type UnixUser } from '../support/unix-users.ts'

const reason = noUsers()
const ADMIN = ['admin', '--gpus', '2', '--provider', 'fake']
const COMMANDS = [['status'], ['reserve'], ['release'], ['queue'], ['report'], ['run', '--', 'true']]

const mode = (path: string): string => (statSync(path).mode & 0o7777).toString(8)
const names = (pool: TestPool): string[] => readdirSync(`${pool.folder}/pool`).toSorted()

/** Scripts that create foreign files. */
const FOREIGN: Readonly<Record<string, (file: string) => string>> = {
  'a pipe': (file) => `mkfifo -m 666 '${file}'`,
  'a pipe that only its owner may open': (file) => `mkfifo -m 600 '${file}'`,
  'a folder': (file) => `mkdir -m 700 '${file}'`,
  'a full folder': (file) => `mkdir '${file}' && touch '${file}/x'`,
  'a link to nowhere': (file) => `ln -s /nowhere/at/all '${file}'`,
  'a link to a file of root': (file) => `ln -s /etc/shadow '${file}'`,
  'a link to a device': (file) => `ln -s /dev/zero '${file}'`,
  'a file that nobody may read': (file) => `echo foreign > '${file}' && chmod 000 '${file}'`,
  'an old journal': (file) => `head -c 4096 /dev/urandom > '${file}' && chmod 666 '${file}'`,
}

describe.skipIf(reason !== null)(
  `foreign files beside the database${reason === null ? '' : ` (skipped: ${reason})`}`,
  () => {
    let eve: UnixUser
    let bob: UnixUser
    beforeAll(async () => {
      eve = await newUser('eve')
      bob = await newUser('bob')
    })
    afterAll(async () => {
      await eve.remove()
      await bob.remove()
    })

    async function poolOfRoot(...options: string[]): Promise<TestPool> {
      const pool = await testPool(0)
      chmodSync(pool.folder, 0o755)
      expect((await pool.chg(...ADMIN, ...options)).status).toBe(0)
      return pool
    }

    /** A pool in a folder where every user can create names, which an administrator may choose. */
    async function poolInOpenFolder(): Promise<TestPool> {
      const pool = await testPool(0)
      chmodSync(pool.folder, 0o755)
      mkdirSync(`${pool.folder}/pool`)
      writeFileSync(`${pool.folder}/pool/of-somebody`, '')
      chmodSync(`${pool.folder}/pool`, 0o1777)
      expect((await pool.chg(...ADMIN)).status).toBe(0)
      return pool
    }

    const runAsEve = async (pool: TestPool, script: string): Promise<void> => {
      expect(await eve.sh(pool, script)).toMatchObject({ status: 0, stderr: '' })
    }

    /** Finds an access problem whose description has all of these texts. */
    async function expectAccessProblem(pool: TestPool, ...facts: string[]): Promise<void> {
      const found = (await problemsIn(pool)).filter(
        ({ kind, what }) => kind === 'access' && facts.every((fact) => what.includes(fact)),
      )
      expect(found).not.toEqual([])
    }

    const expectOneLine = ({ status, stderr }: Finished): void => {
      if (status === 0) return
      expect(stderr).toMatch(/^Error: [^\n]+\n$/)
      expect([1, 75, 125]).toContain(Number(status))
    }

    test('users can use the pool but cannot create files in its folder', async () => {
      using pool = await poolOfRoot()
      expect(mode(`${pool.folder}/pool`)).toBe('755')
      for (const script of Object.values(FOREIGN)) {
        expect((await eve.sh(pool, script(`${pool.database}-journal`))).status).not.toBe(0)
      }
      for (const ending of ['-wal', '-shm', '-wake', '-bells', '-bells/0', '']) {
        expect((await eve.sh(pool, `rm -rf '${pool.database}${ending}'`)).status).not.toBe(0)
      }
      expect((await bob.chg(pool, 'reserve')).status).toBe(0)
      expect((await eve.chg(pool, 'run', '--', 'true')).status).toBe(0)
      expect((await bob.chg(pool, 'release')).status).toBe(0)
      expect(await problemsIn(pool)).toEqual([])
    })

    test('only the group can use a group’s folder', async () => {
      const group = newGroup()
      const member = await newUser('member', [group.name])
      try {
        using pool = await poolOfRoot('--group', group.name)
        expect(mode(`${pool.folder}/pool`)).toBe('750')
        expect((await member.chg(pool, 'reserve')).status).toBe(0)
        expect((await member.sh(pool, `touch '${pool.folder}/pool/x'`)).status).not.toBe(0)
        expect(await problemsIn(pool)).toEqual([])
        const refused = onlyFailureOf(await eve.chg(pool, 'status', '--json'))
        expect(refused).toMatchObject({ code: 'permission-denied', status: 1 })
      } finally {
        await member.remove()
        group.remove()
      }
    })

    test.each(Object.entries(FOREIGN))('%s named like a journal affects no command', async (_, script) => {
      using pool = await poolInOpenFolder()
      const journal = `${pool.database}-journal`
      await runAsEve(pool, script(journal))
      const before = lstatSync(journal)
      for (const command of COMMANDS) {
        expect(await bob.chg(pool, ...command)).toMatchObject({ status: 0 })
        expect(await pool.chg(...command)).toMatchObject({ status: 0 })
      }
      await expectAccessProblem(pool, journal)
      expect(await pool.chg(...ADMIN, '--force')).toMatchObject({ status: 0, stderr: '' })
      expect(lstatSync(journal)).toMatchObject({ ino: before.ino, mode: before.mode, size: before.size })
    })

    test.each(Object.entries(FOREIGN))(
      'any admin command of root removes %s named like a bell',
      async (_, script) => {
        using pool = await poolOfRoot()
        const bells = `${pool.database}-bells`
        // The mode after 'chmod -R 777'.
        chmodSync(bells, 0o777)
        await runAsEve(pool, `rm '${bells}/0'; ${script(`${bells}/0`)}`)
        await expectAccessProblem(pool, bells, 'mode 777')
        expect(await pool.chg('admin', '--memory-threshold', '100')).toMatchObject({ status: 0, stderr: '' })
        expect(await problemsIn(pool)).toEqual([])
        expect(mode(bells)).toBe('755')
      },
    )

    test('a journal that would undo a commit is not rolled back', async () => {
      using pool = await poolInOpenFolder()
      await runAsEve(
        pool,
        `cp '${pool.database}' '${pool.folder}/pool/copy' && sqlite3 '${pool.folder}/pool/copy' 'SELECT 1'`,
      )
      // A real rollback journal of the whole file, which SQLite leaves when it is killed in a transaction.
      const pages = readFileSync(pool.database)
      const count = pages.length / 4096
      const journal = Buffer.alloc(512 + count * 4104)
      Buffer.from('d9d505f920a163d7', 'hex').copy(journal)
      journal.writeUInt32BE(count, 8)
      journal.writeUInt32BE(count, 16)
      journal.writeUInt32BE(512, 20)
      journal.writeUInt32BE(4096, 24)
      for (let page = 0; page < count; page++) {
        const at = 512 + page * 4104
        journal.writeUInt32BE(page + 1, at)
        let sum = 0
        for (let byte = 4096 - 200; byte > 0; byte -= 200) sum += pages[page * 4096 + byte] ?? 0
        pages.copy(journal, at + 4, page * 4096, (page + 1) * 4096)
        journal.writeUInt32BE(sum, at + 4100)
      }
      expect((await bob.chg(pool, 'reserve', '--gpus', '2')).status).toBe(0)
      withDatabase(pool, (db) => db.run('PRAGMA wal_checkpoint(TRUNCATE)'))
      writeFileSync(`${pool.folder}/journal`, journal)
      chmodSync(`${pool.folder}/journal`, 0o644)
      await runAsEve(pool, `cp '${pool.folder}/journal' '${pool.database}-journal'`)
      chmodSync(`${pool.database}-journal`, 0o666)
      expect((await pool.chg('status')).stdout).toContain(`GPU 1: IN USE by ${bob.name}`)
      expect((await bob.chg(pool, 'status')).stdout).toContain(`GPU 1: IN USE by ${bob.name}`)
      expect((await pool.chg('reserve')).status).toBe(75)
    })

    test.each(['-wal', '-shm'])(
      'commands report a foreign file with the name of %s, and do not hang',
      async (ending) => {
        using pool = await poolInOpenFolder()
        const file = pool.database + ending
        for (const script of Object.values(FOREIGN)) {
          rmSync(file, { recursive: true, force: true })
          await runAsEve(pool, script(file))
          for (const command of COMMANDS) {
            expect(onlyFailureOf(await bob.chg(pool, ...withJson(command)))).toMatchObject({
              code: 'store-unavailable',
              message: expect.stringContaining(file),
              status: command[0] === 'run' ? 125 : 1,
            })
          }
          await expectAccessProblem(pool, file)
          expectOneLine(await pool.chg('status'))
          expectOneLine(await pool.chg(...ADMIN, '--force'))
        }
        rmSync(file, { recursive: true, force: true })
        expect((await pool.chg('status')).status).toBe(0)
        expect(statSync(file)).toMatchObject({ uid: 0, mode: 0o100666 })
        expect((await bob.chg(pool, 'status')).status).toBe(0)
      },
    )

    test.each(['-wake', '-bells'])(
      'a foreign file with the name of %s affects no command',
      async (ending) => {
        using pool = await poolInOpenFolder()
        const file = pool.database + ending
        for (const script of Object.values(FOREIGN)) {
          rmSync(file, { recursive: true, force: true })
          await runAsEve(pool, script(file))
          for (const command of COMMANDS) {
            expect(await bob.chg(pool, ...command)).toMatchObject({ status: 0 })
            expect(await pool.chg(...command)).toMatchObject({ status: 0 })
          }
          await expectAccessProblem(pool, file)
          expectOneLine(await pool.chg(...ADMIN, '--force'))
        }
        expect(mode('/etc/shadow')).not.toBe('666')
      },
    )

    test('root changes the folder mode of an earlier release to the current one, and changes no other mode', async () => {
      using pool = await poolOfRoot()
      const folder = `${pool.folder}/pool`
      chmodSync(folder, 0o1777)
      await bob.chg(pool, 'status')
      await pool.chg('admin', '--check')
      expect(mode(folder)).toBe('1777')
      await pool.chg('status')
      expect(mode(folder)).toBe('755')
      for (const [hasOtherFile, before] of [
        [true, 0o1777],
        [false, 0o777],
        [false, 0o1775],
      ] as const) {
        chmodSync(folder, before)
        if (hasOtherFile) writeFileSync(`${folder}/of-somebody`, '')
        await pool.chg('status')
        await pool.chg(...ADMIN, '--force')
        expect(mode(folder)).toBe(before.toString(8))
        await expectAccessProblem(pool, folder, `mode ${before.toString(8)}`)
        rmSync(`${folder}/of-somebody`, { force: true })
      }
      chmodSync(folder, 0o1777)
      chownSync(folder, bob.uid, 0)
      await pool.chg('status')
      expect(mode(folder)).toBe('1777')
    })

    test('a user’s file in an open folder is reported, and so is an unknown file of root', async () => {
      using pool = await poolInOpenFolder()
      await runAsEve(pool, `echo x > '${pool.folder}/pool/something'`)
      writeFileSync(`${pool.database}.bak`, '')
      const before = names(pool)
      const whats = (await problemsIn(pool)).map(({ what }) => what)
      expect(whats.filter((what) => what.includes('/pool/something '))).toHaveLength(1)
      expect(whats.filter((what) => what.includes('/pool.db.bak '))).toHaveLength(1)
      expect(whats.filter((what) => what.includes('of-somebody'))).toEqual([])
      expect(names(pool)).toEqual(before)
    })

    test('root does not adopt a user’s pool in an open folder, and --force replaces it', async () => {
      using pool = await poolInOpenFolder()
      renameSync(pool.database, `${pool.folder}/kept`)
      chmodSync(`${pool.folder}/kept`, 0o644)
      for (const ending of ['-wal', '-shm']) rmSync(pool.database + ending)
      await runAsEve(pool, `cp '${pool.folder}/kept' '${pool.database}' && chmod 666 '${pool.database}'`)
      await expectAccessProblem(pool, pool.database, `uid ${eve.uid}`)
      expect(JSON.stringify(await problemsIn(pool))).not.toContain(`chown ${eve.uid}`)
      await pool.chg('status')
      expect(await pool.chg(...ADMIN, '--force')).toMatchObject({ status: 0, stderr: '' })
      for (const ending of ['', '-wal', '-shm', '-wake', '-bells', '-bells/0']) {
        expect(lstatSync(pool.database + ending).uid).toBe(0)
      }
      expect((await bob.chg(pool, 'reserve')).status).toBe(0)
    })

    needing('sqlite3').test('any command of root repairs a backup without a log', async () => {
      using pool = await poolOfRoot()
      await bob.chg(pool, 'reserve')
      expect((await pool.sh(`sqlite3 '${pool.database}' "VACUUM INTO '${pool.folder}/backup'"`)).stderr).toBe(
        '',
      )
      for (const command of [['status'], ['admin', '--show'], [...ADMIN, '--force']]) {
        for (const ending of ['', '-wal', '-shm']) rmSync(pool.database + ending, { force: true })
        await pool.sh(`cp '${pool.folder}/backup' '${pool.database}' && chmod 666 '${pool.database}'`)
        expect(onlyFailureOf(await bob.chg(pool, 'status', '--json'))).toMatchObject({
          ...{ code: 'store-unavailable', status: 1 },
          hint: expect.stringContaining("'sudo canhazgpu status'"),
        })
        expect(await pool.chg(...command)).toMatchObject({ status: 0, stderr: '' })
        const isReset = command.includes('--force')
        expect((await bob.chg(pool, 'status')).stdout.includes(`IN USE by ${bob.name}`)).toBe(!isReset)
        expect((await bob.chg(pool, 'reserve')).status).toBe(0)
        expect(await problemsIn(pool)).toEqual([])
      }
    })
  },
)
