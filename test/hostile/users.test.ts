import { describe, expect, test } from 'bun:test'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { unitsOf } from '../../src/domain/pool/units.ts'
import { problemsIn } from '../support/checkup.ts'
import { storedPool } from '../support/database.ts'
import { onlyFailureOf, withJson } from '../support/failure.ts'
import { needing } from '../support/needs.ts'
import { type TestPool, testPool } from '../support/pool.ts'
import { newGroup, newUser, noUsers, type UnixUser, userForTests } from '../support/unix-users.ts'
import { until } from '../support/until.ts'

const reason = noUsers()

/** The accounts are real and have a umask of 077. */
describe.skipIf(reason !== null)(
  `two users of the machine${reason === null ? '' : ` (skipped: ${reason})`}`,
  () => {
    const alice = userForTests('alice')
    const bob = userForTests('bob')

    async function sharedPool(gpus = 4, ...options: string[]): Promise<TestPool> {
      const pool = await testPool(0)
      chmodSync(pool.folder, 0o755)
      const admin = await pool.sh(
        `umask 077; "$CHG" admin --gpus ${gpus} --provider fake ${options.join(' ')}`,
      )
      expect(admin.stderr).toBe('')
      return pool
    }

    const granted = (gpu: number) => `Reserved 1 GPU(s): [${gpu}] for 8h 0m 0s\n`

    test('both can use a new pool, in either order', async () => {
      for (const [first, second] of [
        [alice, bob],
        [bob, alice],
      ] as const) {
        using pool = await sharedPool()
        expect(await first.chg(pool, 'reserve')).toMatchObject({ stdout: granted(0), stderr: '' })
        expect(await second.chg(pool, 'reserve')).toMatchObject({ stdout: granted(1), stderr: '' })
        const { stdout } = await second.chg(pool, 'status')
        expect(stdout).toContain(`GPU 0: IN USE by ${first.name} for`)
        expect(stdout).toContain(`GPU 1: IN USE by ${second.name} for`)
      }
    })

    test('both can use a pool concurrently, many times', async () => {
      using pool = await sharedPool(8)
      const all = await Promise.all(
        Array.from({ length: 40 }, (_, nth) => (nth % 2 === 0 ? alice : bob).chg(pool, 'reserve')),
      )
      expect(all.filter(({ status }) => status === 0)).toHaveLength(8)
      expect(all.filter(({ status }) => status === 75)).toHaveLength(32)
    })

    needing('sqlite3').test(
      'both can use a pool after root ran the sqlite3 shell, which removes the log, and then any command',
      async () => {
        for (const [first, second] of [
          [alice, bob],
          [bob, alice],
        ] as const) {
          using pool = await sharedPool()
          await first.chg(pool, 'reserve')
          expect((await pool.sh(`sqlite3 '${pool.database}' 'SELECT * FROM gpus'`)).stderr).toBe('')
          expect((await pool.chg('status')).status).toBe(0)
          expect(await second.chg(pool, 'reserve')).toMatchObject({ stdout: granted(1), stderr: '' })
          expect(await first.chg(pool, 'reserve')).toMatchObject({ stdout: granted(2), stderr: '' })
          expect(await pool.chg('reserve')).toMatchObject({ stdout: granted(3), stderr: '' })
        }
      },
    )

    needing('strace').test('a process killed during a commit does not block other users', async () => {
      using pool = await sharedPool(128)
      const held = () => storedPool(pool).reservations.flatMap(unitsOf)
      const reserve = '"$CHG" reserve > /dev/null'
      for (let write = 1; ; write++) {
        // The process is killed before its nth write to a file of SQLite.
        const inject = `-e trace=pwrite64 -e inject=pwrite64:signal=KILL:when=${write}`
        const { status } = await alice.sh(pool, `strace -f -o /dev/null ${inject} ${reserve}`)
        // A power failure also loses the shared memory.
        if (write % 2 === 0) rmSync(`${pool.database}-shm`)
        const before = held()
        expect(new Set(before).size).toBe(before.length)
        const next = [bob, alice][write % 3]
        const answer = await (next === undefined ? pool.chg('reserve') : next.chg(pool, 'reserve'))
        expect(answer).toMatchObject({ status: 0, stderr: '' })
        const after = held()
        expect(after.toSpliced(before.length)).toEqual(before)
        expect(new Set(after).size).toBe(before.length + 1)
        if (status === 0) {
          expect(write).toBeGreaterThan(5)
          break
        }
      }
      expect(await problemsIn(pool)).toEqual([])
    })

    test('without a log only root can open the pool, and any command of root restores it', async () => {
      using pool = await sharedPool()
      for (const ending of ['-wal', '-shm']) {
        const file = pool.database + ending
        rmSync(file)
        const missing = expect.stringContaining(`${file} is missing`)
        expect(onlyFailureOf(await bob.chg(pool, 'status', '--json'))).toMatchObject({
          ...{ code: 'store-unavailable', message: missing, status: 1 },
          hint: expect.stringContaining("'sudo canhazgpu status'"),
        })
        expect(await problemsIn(pool)).toMatchObject([{ kind: 'access', what: missing }])
        expect(existsSync(file)).toBe(false)
        await pool.chg('status')
        expect(statSync(file)).toMatchObject({ uid: 0, mode: 0o100666 })
        expect((await bob.chg(pool, 'status')).status).toBe(0)
        expect(await problemsIn(pool)).toEqual([])
      }
    })

    test('a log that is closed to users of the pool is named, and any command of root opens it', async () => {
      using pool = await sharedPool()
      for (const ending of ['-wal', '-shm']) {
        const file = pool.database + ending
        chmodSync(file, 0o600)
        expect(onlyFailureOf(await bob.chg(pool, 'status', '--json'))).toMatchObject({
          ...{ code: 'store-unavailable', message: expect.stringContaining(file), status: 1 },
          hint: expect.stringContaining("'sudo canhazgpu status'"),
        })
        await pool.chg('status')
        expect((await bob.chg(pool, 'status')).status).toBe(0)
      }
    })

    test('root restores the owner and mode of the log', async () => {
      using pool = await sharedPool()
      for (const ending of ['-wal', '-shm']) {
        const file = pool.database + ending
        chownSync(file, bob.uid, 0)
        chmodSync(file, 0o600)
        expect(onlyFailureOf(await alice.chg(pool, 'status', '--json'))).toMatchObject({
          ...{ code: 'store-unavailable', message: expect.stringContaining(file), status: 1 },
        })
        const what = expect.stringMatching(new RegExp(`${file} .*owner ${bob.uid}:0, mode 600`))
        expect(await problemsIn(pool)).toMatchObject([{ kind: 'access', what }])
        await pool.chg('status')
        expect(statSync(file)).toMatchObject({ uid: 0, mode: 0o100666 })
        expect(await problemsIn(pool)).toEqual([])
      }
    })

    test('root does not follow links at the paths of the files beside the database', async () => {
      using pool = await sharedPool()
      const target = `${pool.folder}/of-root`
      writeFileSync(target, '', { mode: 0o600 })
      chownSync(pool.database, bob.uid, 0)
      chmodSync(`${pool.folder}/pool`, 0o777)
      for (const ending of ['-wal', '-shm', '-wake']) {
        rmSync(pool.database + ending, { force: true })
        expect((await bob.sh(pool, `ln -s '${target}' '${pool.database}${ending}'`)).status).toBe(0)
        await pool.chg('status')
        await pool.chg('admin', '--gpus', '4', '--provider', 'fake', '--force')
        await pool.chg('admin', '--gpus', '4', '--provider', 'fake', '--force', '--group', 'root')
        expect(statSync(target)).toMatchObject({ uid: 0, mode: 0o100600, size: 0 })
        rmSync(pool.database + ending, { force: true })
      }
    })

    test('admin does not set up a database through a link', async () => {
      using pool = await testPool(0)
      mkdirSync(`${pool.folder}/pool`)
      symlinkSync(`${pool.folder}/elsewhere`, pool.database)
      const refused = onlyFailureOf(await pool.chg('admin', '--json', '--gpus', '1', '--provider', 'fake'))
      expect(refused).toMatchObject({ code: 'store-unavailable', hint: expect.stringContaining('--store') })
      expect(refused.message).toContain(pool.database)
      expect(existsSync(`${pool.folder}/elsewhere`)).toBe(false)
    })

    test('only root can delete or replace the database', async () => {
      using pool = await sharedPool()
      await alice.chg(pool, 'reserve')
      for (const attempt of [
        `rm -f '${pool.database}'`,
        `mv '${pool.database}' '${pool.folder}/pool/elsewhere'`,
        `echo x > '${pool.folder}/pool/new' && mv -f '${pool.folder}/pool/new' '${pool.database}'`,
        `rm -rf '${pool.folder}/pool'`,
        `chmod 600 '${pool.database}'`,
      ]) {
        expect((await bob.sh(pool, attempt)).status).not.toBe(0)
      }
      expect(statSync(pool.database).uid).toBe(0)
      expect((await pool.chg('status')).stdout).toContain(`IN USE by ${alice.name}`)
    })

    test('release ends only the caller’s reservations', async () => {
      using pool = await sharedPool()
      await alice.chg(pool, 'reserve', '--gpus', '2')
      await bob.chg(pool, 'reserve')
      expect((await alice.chg(pool, 'release')).stdout).toBe('Released 2 GPU(s): [0, 1]\n')
      expect((await alice.chg(pool, 'release')).stdout).toBe(
        'No manually reserved GPUs found for current user\n',
      )
      expect(storedPool(pool).reservations.map(({ owner }) => owner.shownName)).toEqual([bob.name])
      expect((await pool.chg('release')).stdout).toBe('No manually reserved GPUs found for current user\n')
    })

    test('$USER and similar variables do not change the account', async () => {
      using pool = await sharedPool()
      await alice.chg(pool, 'reserve')
      Object.assign(pool.env, { USER: alice.name, LOGNAME: alice.name, SUDO_USER: alice.name })
      expect((await bob.chg(pool, 'release')).stdout).toBe(
        'No manually reserved GPUs found for current user\n',
      )
      await bob.chg(pool, 'reserve')
      expect(storedPool(pool).reservations.map(({ owner }) => owner.account)).toEqual([
        { uid: alice.uid, name: alice.name },
        { uid: bob.uid, name: bob.name },
      ])
    })

    test('the other user sees a run and its end', async () => {
      using pool = await sharedPool(1)
      const run = alice.start(pool, 'run', '--', 'sleep', 'infinity')
      await until('bob sees the run', async () =>
        (await bob.chg(pool, 'status')).stdout.includes(`by ${alice.name} for`),
      )
      expect((await bob.chg(pool, 'reserve')).status).toBe(75)
      run.kill('SIGKILL')
      await run.exited
      await until('the GPU is free', async () => (await bob.chg(pool, 'reserve')).status === 0)
    })

    test('the processes on a GPU are shown with their users', async () => {
      using pool = await sharedPool(1)
      const squatter = bob.start(pool, 'run', '--', 'sh', '-c', 'echo ready; exec sleep infinity')
      await squatter.stdout.getReader().read()
      pool.setFakeDriver({ gpus: { '0': { processes: [{ pid: squatter.pid, memory_mb: 4000 }] } } })
      chmodSync(`${pool.folder}/usage.json`, 0o644)
      await pool.chg('admin', '--gpus', '1', '--provider', 'fake', '--force')
      const { stdout } = await alice.chg(pool, 'status')
      expect(stdout).toBe(
        `GPU 0: IN USE WITHOUT RESERVATION by user ${bob.name} - 4000MB used by PID ${squatter.pid} (sleep)\n`,
      )
      squatter.kill('SIGKILL')
    })

    test('status --mine shows the GPUs that a user holds or uses', async () => {
      using pool = await sharedPool(3)
      await alice.chg(pool, 'reserve', '--gpu-ids', '0')
      await bob.chg(pool, 'reserve', '--gpu-ids', '2')
      const squatter = bob.start(
        pool,
        'run',
        '--gpu-ids',
        '1',
        '--',
        'sh',
        '-c',
        'echo ready; exec sleep infinity',
      )
      await squatter.stdout.getReader().read()
      pool.setFakeDriver({ gpus: { 0: { processes: [{ pid: squatter.pid, memory_mb: 4000 }] } } })
      chmodSync(`${pool.folder}/usage.json`, 0o644)
      const mine = async (user: UnixUser, ...options: string[]) =>
        (await user.chg(pool, 'status', '--mine', ...options)).stdout
      expect((await mine(alice)).match(/^GPU \d/gm)).toEqual(['GPU 0'])
      expect((await mine(bob)).match(/^GPU \d/gm)).toEqual(['GPU 0', 'GPU 1', 'GPU 2'])
      expect(await mine(bob)).toContain(`used by ${bob.name}, not by ${alice.name}]`)
      expect(JSON.parse(await mine(bob, '--json'))[0]).toMatchObject({ gpu_id: 0, other_users: [bob.name] })
      squatter.kill('SIGKILL')
    })

    test('a home folder of another account, which su keeps in $HOME, causes no error', async () => {
      using pool = await sharedPool()
      chmodSync(pool.folder, 0o755)
      const home = `${pool.folder}/home`
      await pool.sh(`mkdir -m 700 '${home}' && echo 'memory-threshold: 7' > '${home}/.canhazgpu.yaml'`)
      pool.env.HOME = home
      expect(await alice.chg(pool, 'reserve')).toMatchObject({ status: 0, stderr: '' })
    })

    test('--group restricts the pool to a Unix group, and other users get one error line', async () => {
      const group = newGroup()
      const member = await newUser('member', [group.name])
      try {
        using pool = await sharedPool(4, '--group', group.name)
        expect(await member.chg(pool, 'reserve')).toMatchObject({ stdout: granted(0), stderr: '' })
        for (const command of [['status'], ['reserve'], ['release'], ['report']]) {
          expect(onlyFailureOf(await alice.chg(pool, ...withJson(command)))).toMatchObject({
            ...{ code: 'permission-denied', message: expect.stringContaining(pool.database), status: 1 },
            hint: expect.stringContaining('group'),
          })
        }
        expect((await alice.chg(pool, 'run', '--', 'true')).status).toBe(125)
        expect(await member.chg(pool, 'status')).toMatchObject({ status: 0, stderr: '' })
      } finally {
        await member.remove()
        group.remove()
      }
    })

    test('--force --group restricts an open pool, and --force alone keeps the group', async () => {
      const group = newGroup()
      const member = await newUser('member', [group.name])
      try {
        using pool = await sharedPool()
        expect((await alice.chg(pool, 'status')).status).toBe(0)
        const again = ['admin', '--gpus', '4', '--force', '--provider', 'fake']
        for (const options of [['--group', group.name], []]) {
          expect((await pool.chg(...again, ...options)).status).toBe(0)
          expect((await member.chg(pool, 'status')).status).toBe(0)
          expect(onlyFailureOf(await alice.chg(pool, 'status', '--json')).code).toBe('permission-denied')
          const { stdout } = await pool.chg('admin', '--show', '--json')
          expect(JSON.parse(stdout).group).toBe(group.name)
        }
      } finally {
        await member.remove()
        group.remove()
      }
    })

    test('an account without a name is shown by its number', async () => {
      using pool = await sharedPool()
      const uid = 3_999_999_999
      const { path } = { path: pool.env.CHG ?? '' }
      await pool.sh(`cp '${path}' '${pool.folder}/chg' && chmod 755 '${pool.folder}/chg'`)
      const reserved = await pool.sh(
        `setpriv --reuid=${uid} --regid=${uid} --clear-groups '${pool.folder}/chg' reserve`,
      )
      expect(reserved).toMatchObject({ stdout: granted(0), stderr: '' })
      expect((await pool.chg('status')).stdout).toContain(`IN USE by uid ${uid} for`)
    })
  },
)
