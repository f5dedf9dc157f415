import { chmodSync, linkSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import type { Build } from './other-builds.ts'
import { type Child, type Finished, finished, type TestPool, testPool } from './pool.ts'
import { until } from './until.ts'

/** A pool with its own installed program, `$CHG`, which another build can replace. */
export interface Installed extends TestPool {
  /** Path of the installed program. */
  readonly program: string
  /** Runs one command of the installed program to its end. */
  typed(...args: string[]): Promise<Finished>
  /** Starts one command of the installed program. */
  begin(...args: string[]): Child
  /** Replaces the program by another build, as a package manager does: running processes keep the file they execute. */
  install(build: Build): void
}

/** Every user can reach this pool. The build sets it up, if `gpus` is above 0. */
export async function installedPool(build: Build, gpus: number): Promise<Installed> {
  const pool = await testPool(0)
  chmodSync(pool.folder, 0o755)
  mkdirSync(`${pool.folder}/bin`)
  const program = `${pool.folder}/bin/canhazgpu`
  pool.env.CHG = program
  const begin = (...args: string[]) => startBuild({ binary: program }, pool, ...args)
  const installed = Object.assign(pool, {
    program,
    begin,
    typed: (...args: string[]) => finished(begin(...args)),
    install: (other: Pick<Build, 'binary'>) => {
      linkSync(other.binary, `${program}.new`)
      renameSync(`${program}.new`, program)
    },
  })
  installed.install(build)
  if (gpus > 0) await done(installed.typed('admin', '--gpus', String(gpus), '--provider', 'fake'))
  return installed
}

/** Starts one command of a build that is not the installed one. */
export function startBuild({ binary }: Pick<Build, 'binary'>, pool: TestPool, ...args: string[]): Child {
  return Bun.spawn([binary, ...args], {
    ...{ env: pool.env, cwd: pool.folder },
    ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
  } as const)
}

/** The stdout of the command; fails if the command failed or printed to stderr. */
export async function done(command: Promise<Finished>): Promise<string> {
  const { status, stdout, stderr } = await command
  if (status !== 0 || stderr !== '') throw new Error(`${status}: ${stderr}`)
  return stdout
}

/** Waits until a waiter has become the installed program; returns its command line. */
export const untilSuccessor = (pid: number): Promise<string[]> =>
  until(`${pid} has become its successor`, () => {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    return words[1] === '__rejoin' ? words : null
  })
