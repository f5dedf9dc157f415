import { describe, test } from 'bun:test'
import { existsSync, readlinkSync } from 'node:fs'

/** What a test needs besides Bun: root, new users, namespaces, a mode, a program by its name, or a file by its path. */
export type Need =
  | 'root'
  | 'users'
  | 'mounts'
  | 'containers'
  /** Networks of their own (test/support/network.ts). */
  | 'networks'
  /** systemd is installed; it need not run. */
  | 'systemd'
  | 'first pid namespace'
  /** An account without rights can create user namespaces. */
  | 'user namespaces'
  | 'fuse'
  /** The test is about the files, locks or supervisors of an embedded pool, or about its commands' own driver. */
  | 'embedded pool'
  | (string & {})

type Body = Parameters<typeof test>[1]

/**
 * `test` and `describe` with needs. If one is missing, they are skipped and their titles give the reason. In continuous
 * integration, a missing program is an error instead.
 */
export function needing(...needs: readonly Need[]) {
  const reason = missing(...needs)
  const titled = (title: string) => (reason === null ? title : `${title} (skipped: ${reason})`)
  return {
    test: (title: string, body: Body, timeoutMs?: number) =>
      test.skipIf(reason !== null)(titled(title), body, timeoutMs),
    concurrent: (title: string, body: Body) => test.concurrent.skipIf(reason !== null)(titled(title), body),
    describe: (title: string, body: () => void) => describe.skipIf(reason !== null)(titled(title), body),
  }
}

/** Why a test with these needs cannot run here; null if it can. */
export function missing(...needs: readonly Need[]): string | null {
  for (const need of needs) {
    const reason = reasonOf(need)
    if (reason !== null) return reason
  }
  return null
}

/**
 * Whether a daemon serves the test pools. The test runner runs many process tests in both modes
 * (`scripts/test-files.mjs`).
 */
export const inDaemonMode = process.env.CANHAZGPU_TEST_MODE === 'daemon'

export const isRoot = process.geteuid?.() === 0

function reasonOf(need: Need): string | null {
  switch (need) {
    case 'root':
      // In CI the runner lets an ordinary user skip a test only for this reason.
      return isRoot ? null : 'needs root'
    case 'users':
      return missing('root', 'useradd', 'setpriv')
    case 'mounts':
      return reasonOf('root') ?? unshares('-m')
    case 'containers':
      return reasonOf('root') ?? unshares('--pid', '--fork', '--mount-proc', '--uts')
    case 'networks':
      return missing('root', 'ip', 'nsenter') ?? unshares('--net')
    case 'systemd':
      return missing('containers') ?? (existsSync('/lib/systemd/systemd') ? null : notInstalled('systemd'))
    case 'embedded pool':
      // The runner lets a test skip for this reason, because it has run in the other mode.
      return inDaemonMode ? 'needs an embedded pool' : null
    case 'user namespaces':
      return (
        reasonOf('users') ?? works('setpriv', '--reuid=65534', '--clear-groups', 'unshare', '-Urm', 'true')
      )
    case 'fuse':
      return existsSync('/dev/fuse') ? null : 'there is no /dev/fuse'
    case 'first pid namespace':
      return readlinkSync('/proc/self/ns/pid') === 'pid:[4026531836]' ? null : 'needs the first pid namespace'
    default:
      return isInstalled(need) ? null : notInstalled(need)
  }
}

const unshares = (...options: string[]): string | null => works('unshare', ...options, 'true')

function works(...command: string[]): string | null {
  const { exitCode } = Bun.spawnSync(command, { stderr: 'ignore' })
  return exitCode === 0 ? null : `'${command.join(' ')}' does not work here`
}

function isInstalled(program: string): boolean {
  return program.startsWith('/') ? existsSync(program) : Bun.which(program) !== null
}

function notInstalled(program: string): string {
  if (process.env.CI === 'true') throw new Error(`${program} is not installed`)
  return `${program} is not installed`
}
