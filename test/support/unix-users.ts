import { afterAll, beforeAll } from 'bun:test'
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { missing } from './needs.ts'
import { binary, type Child, type Finished, finished, type TestPool, testPool } from './pool.ts'

/** A real account of this machine. */
export interface UnixUser {
  readonly name: string
  readonly uid: number
  /** The path of the executable, for programs that do not inherit the environment of the test. */
  readonly executable: string
  /** Runs one command as this user to its end, by default with a umask that removes all group and other permissions. */
  chg(pool: TestPool, ...args: string[]): Promise<Finished>
  start(pool: TestPool, ...args: string[]): Child
  /** Runs a shell script as this user, with `$CHG` the executable. */
  sh(pool: TestPool, script: string): Promise<Finished>
  remove(): Promise<void>
}

/** Why a test cannot create users here; null if it can. */
export function noUsers(): string | null {
  return missing('users')
}

/** The name of the account that runs the tests. It comes from `id`, because Bun's `userInfo()` reads the environment. */
export const ownName = (): string => must('id', '-un')

/** The name of its group. */
export const ownGroup = (): string => must('id', '-gn')

let made = 0

/** An account that runs `program`, by default a copy of the executable under test. */
export async function newUser(
  role: string,
  groups: readonly string[] = [],
  program?: string,
): Promise<UnixUser> {
  const name = `chg${process.pid}${made++}${role}`.slice(0, 31)
  const more = groups.length === 0 ? [] : ['--groups', groups.join(',')]
  must('useradd', '--no-create-home', '--shell', '/bin/sh', ...more, name)
  const uid = Number(must('id', '-u', name))
  const gid = must('id', '-g', name)
  const executable = program === undefined ? sharedExecutable() : { path: program, remove: () => {} }
  const start = (pool: TestPool, argv: string[]): Child =>
    Bun.spawn(['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--init-groups', ...argv], {
      env: { ...pool.env, CHG: executable.path },
      cwd: '/',
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
  const typed = (args: string[]) => ['sh', '-c', 'umask 077; exec "$CHG" "$@"', 'sh', ...args]
  return {
    name,
    uid,
    executable: executable.path,
    start: (pool, ...args) => start(pool, typed(args)),
    chg: (pool, ...args) => finished(start(pool, typed(args))),
    sh: (pool, script) => finished(start(pool, ['sh', '-c', `umask 077; ${script}`])),
    remove: async () => {
      executable.remove()
      must('userdel', '--force', name)
    },
  }
}

/** An account for the tests of a file or `describe`. It is created before the first test and removed after the last. */
export function userForTests(role: string): UnixUser {
  let made: UnixUser | undefined
  const user = (): UnixUser => {
    if (made === undefined) throw new Error(`the account of ${role} exists only while tests run`)
    return made
  }
  beforeAll(async () => {
    made = await newUser(role)
  })
  afterAll(() => made?.remove())
  return {
    get name() {
      return user().name
    },
    get uid() {
      return user().uid
    },
    get executable() {
      return user().executable
    },
    chg: (pool, ...args) => user().chg(pool, ...args),
    start: (pool, ...args) => user().start(pool, ...args),
    sh: (pool, script) => user().sh(pool, script),
    remove: () => user().remove(),
  }
}

/** A pool of fake GPUs that every user can reach. */
export async function sharedPool(gpus: number): Promise<TestPool> {
  const pool = await testPool(0)
  chmodSync(pool.folder, 0o755)
  await pool.chg('admin', '--gpus', String(gpus), '--provider', 'fake')
  return pool
}

/** A Unix group made for one test. */
export function newGroup(): { readonly name: string; remove(): void } {
  const name = `chg${process.pid}${made++}`
  must('groupadd', name)
  return { name, remove: () => void must('groupdel', name) }
}

let copy: { readonly folder: string; users: number } | undefined

/** A copy of the executable: other users may have no access to the folder of the checkout. All users share one copy. */
function sharedExecutable(): { readonly path: string; remove(): void } {
  copy ??= copied()
  const { folder } = copy
  copy.users++
  return {
    path: `${folder}/canhazgpu`,
    remove: () => {
      if (copy === undefined || --copy.users > 0) return
      copy = undefined
      rmSync(folder, { recursive: true })
    },
  }
}

function copied() {
  const folder = mkdtempSync(join(tmpdir(), 'canhazgpu-bin-'))
  chmodSync(folder, 0o755)
  copyFileSync(binary, `${folder}/canhazgpu`)
  chmodSync(`${folder}/canhazgpu`, 0o755)
  return { folder, users: 0 }
}

function must(...argv: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(argv)
  if (exitCode !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`)
  return stdout.toString().trim()
}
