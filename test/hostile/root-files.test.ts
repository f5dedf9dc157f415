import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, chownSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { failureOf, onlyFailureOf, warningsOf, withJson } from '../support/failure.ts'
import { type TestPool, testPool } from '../support/pool.ts'
import { newUser, noUsers, type UnixUser } from '../support/unix-users.ts'

const reason = noUsers()
const SECRET = 'hunter2secret'

/** Root does not use files of other users. `sudo -E` and `su -m` keep `$HOME` and the variables. */
describe.skipIf(reason !== null)(`root${reason === null ? '' : ` (skipped: ${reason})`}`, () => {
  let alice: UnixUser
  beforeAll(async () => {
    alice = await newUser('alice')
  })
  afterAll(() => alice.remove())

  /** A pool of root, and alice's home folder as the `$HOME` of root. */
  async function poolWithHome(): Promise<TestPool & { home: string }> {
    const pool = await testPool(1)
    chmodSync(pool.folder, 0o755)
    const home = `${pool.folder}/home`
    mkdirSync(home)
    chownSync(home, alice.uid, alice.uid)
    pool.env.HOME = home
    return Object.assign(pool, { home })
  }

  function give(path: string, text: string, { uid = alice.uid, mode = 0o644 } = {}): string {
    writeFileSync(path, text)
    chmodSync(path, mode)
    chownSync(path, uid, uid)
    return path
  }

  test('skips a default configuration of another user, with one warning', async () => {
    using pool = await poolWithHome()
    const path = give(`${pool.home}/.canhazgpu.yaml`, 'probe-timeout: nonsense\n')
    expect(await pool.chg('status')).toEqual({
      status: 0,
      stdout: 'GPU 0: AVAILABLE (never used) [validated: 0MB used]\n',
      stderr: expect.stringMatching(/^Warning: [^\n]+\n$/),
    })
    const [warning, ...others] = warningsOf(await pool.chg('status', '-j'))
    expect(warning?.code).toBe('config-skipped')
    expect(warning?.message).toContain(path)
    expect(warning?.message).toContain(`(uid ${alice.uid})`)
    expect(others).toEqual([])
    // Alice herself uses it.
    expect((await alice.chg(pool, 'status')).stderr).toContain('probe-timeout')
  })

  test.each([
    ['a file that every user can change', 'echo "store: x" > F; chmod 666 F', 'every user'],
    ['a link to a device', 'ln -s /dev/zero F', 'regular'],
    [
      'a link of alice to a file of root',
      'echo "store: x" > G; ln -s "$PWD/G" F; chown -h ALICE F',
      'which file it is',
    ],
    ['a hard link to a file of root', 'echo "store: x" > G; ln "$PWD/G" F', 'which file it is'],
    ['a file that its group can change', 'echo "store: x" > F; chgrp ALICE F; chmod 660 F', 'its group'],
    ['a link to a file of alice', 'echo "store: x" > G; chown ALICE G; ln -s "$PWD/G" F', 'another user'],
  ])('skips %s', async (_, make, fact) => {
    using pool = await poolWithHome()
    const file = `${pool.home}/.canhazgpu.yaml`
    const script = make.replaceAll('F', `'${file}'`).replaceAll('ALICE', String(alice.uid))
    expect(await pool.sh(script)).toMatchObject({ status: 0, stderr: '' })
    const shown = await pool.chg('status', '--json')
    expect(shown.status).toBe(0)
    expect(warningsOf(shown)).toEqual([{ code: 'config-skipped', message: expect.stringContaining(fact) }])
    expect(warningsOf(shown)[0]?.message).toContain(file)
  })

  test('refuses a named configuration that another user owns or every user can change', async () => {
    using pool = await poolWithHome()
    const theirs = give(`${pool.folder}/theirs.yaml`, 'probe-timeout: 5s\n')
    const open = give(`${pool.folder}/open.yaml`, 'probe-timeout: 5s\n', { uid: 0, mode: 0o666 })
    const shared = give(`${pool.folder}/shared.yaml`, 'probe-timeout: 5s\n', { uid: 0, mode: 0o664 })
    chownSync(shared, 0, alice.uid)
    const own = give(`${pool.folder}/own.yaml`, 'probe-timeout: 5s\n', { uid: 0 })
    for (const path of [theirs, open, shared]) {
      expect(onlyFailureOf(await pool.chg('status', '--json', '--config', path))).toMatchObject({
        ...{ code: 'config-invalid', message: expect.stringContaining(path), status: 1 },
      })
      expect((await pool.chg('run', '--config', path, '--', 'true')).status).toBe(125)
    }
    expect(await pool.chg('status', '--config', own)).toMatchObject({ status: 0, stderr: '' })
    expect(await alice.chg(pool, 'status', '--config', theirs)).toMatchObject({ status: 0, stderr: '' })
  })

  test.each([
    ['yaml', `${SECRET}:x:y\n`],
    ['yaml', `${SECRET}: 1\n`],
    ['yaml', `a: [${SECRET}\n`],
    ['yaml', `a: *${SECRET}\n`],
    ['yaml', `${SECRET}\n`],
    ['yaml', `probe-timeout: ${SECRET}\n`],
    ['yaml', `run: {${SECRET}: 1}\n`],
    ['yaml', `status: {table: ${SECRET}}\n`],
    ['toml', `${SECRET}\n`],
    ['toml', `a = ${SECRET}\n`],
    ['toml', `${SECRET} = 1\n`],
    ['json', SECRET],
    ['json', `{"${SECRET}": 1}`],
    ['json', `{"probe-timeout": "${SECRET}"}`],
  ])('prints no content of a file that not everybody may read: %s %j', async (ending, text) => {
    using pool = await poolWithHome()
    const path = give(`${pool.folder}/closed.${ending}`, text, { uid: 0, mode: 0o640 })
    const refused = await pool.chg('status', '--json', '--config', path)
    expect(onlyFailureOf(refused)).toMatchObject({
      ...{ code: 'config-invalid', message: expect.stringContaining(path), status: 1 },
    })
    const inText = await pool.chg('status', '--config', path)
    expect(inText.stderr).toMatch(/^[^\n]+\n$/)
    expect(refused.stderr + inText.stdout + inText.stderr).not.toContain(SECRET)
  })

  test.each([SECRET, `{"${SECRET}": 1}`, `{"gpus": {"0": {"memory_used_mb": "${SECRET}"}}}`])(
    'prints no content of a scenario: %j',
    async (text) => {
      using pool = await poolWithHome()
      pool.env.CANHAZGPU_FAKE_USAGE = give(`${pool.folder}/usage`, text, { uid: 0, mode: 0o600 })
      const refused = await pool.chg('status', '--json')
      expect(failureOf(refused)).toMatchObject({ code: 'config-invalid', status: 1 })
      const inText = await pool.chg('status')
      for (const { stdout, stderr } of [refused, inText]) {
        expect(stderr).toMatch(/^[^\n]+\n$/)
        expect(stdout + stderr).not.toContain(SECRET)
      }
    },
  )

  describe('a store path', () => {
    const paths: readonly (readonly [string, (pool: TestPool & { home: string }) => string, string])[] = [
      ['through a link of another user', ({ folder }) => `${folder}/link/pool/pool.db`, 'link'],
      ['through a folder of another user', ({ home }) => `${home}/pool/pool.db`, 'home'],
      ['that is a link of another user', ({ folder }) => `${folder}/link.db`, 'link.db'],
      ['below a folder that every user can change', ({ folder }) => `${folder}/open/pool/pool.db`, 'open'],
      [
        'through a link of root to one of another user',
        ({ folder }) => `${folder}/mine/pool/pool.db`,
        'link',
      ],
    ]

    test.each(paths)('%s is refused, and nothing is created', async (_, pathIn, step) => {
      using pool = await poolWithHome()
      const target = `${pool.folder}/target`
      mkdirSync(target)
      mkdirSync(`${pool.folder}/open`)
      chmodSync(`${pool.folder}/open`, 0o777)
      chmodSync(pool.folder, 0o1777)
      await alice.sh(
        pool,
        `ln -s '${target}' '${pool.folder}/link'; ln -s '${target}/pool.db' '${pool.folder}/link.db'`,
      )
      symlinkSync(`${pool.folder}/link`, `${pool.folder}/mine`)
      pool.env.CANHAZGPU_STORE = `sqlite://${pathIn(pool)}`
      for (const command of [
        ['admin', '--gpus', '1', '--provider', 'fake'],
        ['admin', '--gpus', '1', '--provider', 'fake', '--force'],
        ['admin', '--check'],
        ['admin', '--show'],
        ['status'],
        ['reserve'],
      ]) {
        const failure = onlyFailureOf(await pool.chg(...withJson(command)))
        expect(failure).toMatchObject({ code: 'permission-denied', status: 1 })
        expect(failure.message).toContain(`${pool.folder}/${step}`)
      }
      for (const made of ['target/pool', 'target/pool.db', 'home/pool', 'open/pool']) {
        expect(existsSync(`${pool.folder}/${made}`)).toBe(false)
      }
    })

    test('through links of root, and below sticky folders, is used', async () => {
      using pool = await poolWithHome()
      mkdirSync(`${pool.folder}/target`)
      symlinkSync('target', `${pool.folder}/mine`)
      symlinkSync(`${pool.folder}/./home/../mine`, `${pool.folder}/mine-too`)
      chownSync(`${pool.folder}/home`, 0, 0)
      chmodSync(pool.folder, 0o1777)
      pool.env.CANHAZGPU_STORE = `${pool.folder}/mine-too/pool.db`
      const made = await pool.chg('admin', '--gpus', '1', '--provider', 'fake')
      expect(made).toMatchObject({ status: 0, stderr: '' })
      expect(existsSync(`${pool.folder}/target/pool.db`)).toBe(true)
      expect(await pool.chg('reserve')).toMatchObject({ status: 0, stderr: '' })
      expect(await alice.chg(pool, 'status')).toMatchObject({ status: 0, stderr: '' })
    })

    test('in a folder of a user can be used by that user', async () => {
      using pool = await poolWithHome()
      pool.env.CANHAZGPU_STORE = `${pool.home}/pool/pool.db`
      const made = await alice.chg(pool, 'admin', '--gpus', '1', '--provider', 'fake')
      expect(made).toMatchObject({ status: 0, stderr: '' })
      expect(await alice.chg(pool, 'reserve')).toMatchObject({ status: 0, stderr: '' })
    })
  })

  test('loads no driver library that another user can change', async () => {
    using pool = await poolWithHome()
    pool.env.CANHAZGPU_STORE = `sqlite://${pool.folder}/none/pool.db`
    const library = give(`${pool.folder}/libnvidia-ml.so.1`, 'no library')
    pool.env.CANHAZGPU_NVML_LIBRARY = library
    const command = ['admin', '--json', '--gpus', '1', '--provider', 'nvml']
    const variable = expect.stringContaining('CANHAZGPU_NVML_LIBRARY')
    expect(onlyFailureOf(await pool.chg(...command))).toMatchObject({
      code: 'driver-failed',
      message: variable,
      status: 1,
    })
    chownSync(library, 0, 0)
    expect(onlyFailureOf(await pool.chg(...command)).message).not.toEqual(variable)
  })
})
