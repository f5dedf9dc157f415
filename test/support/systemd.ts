import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { binary, type Child, type Finished, finished } from './pool.ts'
import type { UnixUser } from './unix-users.ts'
import { until } from './until.ts'

/** A container in which a real systemd runs as pid 1, with an installed program (systemd-container.sh). */
export interface SystemdMachine extends AsyncDisposable {
  start(script: string, user?: UnixUser): Child
  /** Runs a shell script, by default as root, with `canhazgpu` in PATH. */
  sh(script: string, user?: UnixUser): Promise<Finished>
  /** The stdout of a script that must succeed. */
  must(script: string, user?: UnixUser): Promise<string>
  /** Copies a file into the container. */
  put(file: string, path: string): void
  reboot(): Promise<void>
}

const SCRIPT = new URL('systemd-container.sh', import.meta.url).pathname
const NAMESPACES = ['--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup']
const ENV = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' }

/** The users of a test must exist before its machine. */
export async function systemdMachine(): Promise<SystemdMachine> {
  const folder = mkdtempSync(join(tmpdir(), 'canhazgpu-systemd-'))
  const container = Bun.spawn(['unshare', '--mount', 'sh', SCRIPT, folder, binary], {
    ...{ stdin: 'pipe', stdout: 'ignore', stderr: 'pipe' },
    // A signal for the tests must not reach it: it removes its cgroup when its standard input ends.
    detached: true,
  })
  const init = `${folder}/init`
  const started = new Set<Child>()
  const start = (script: string, user?: UnixUser): Child => {
    const account =
      user === undefined ? [] : ['setpriv', `--reuid=${user.uid}`, `--regid=${user.uid}`, '--clear-groups']
    const target = ['--target', readFileSync(init, 'utf8').trim()]
    const child = Bun.spawn(['nsenter', ...target, ...NAMESPACES, ...account, 'sh', '-c', script], {
      ...{ env: ENV, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
    })
    started.add(child)
    return child
  }
  const sh = (script: string, user?: UnixUser) => finished(start(script, user))
  const untilBooted = () =>
    until('systemd has started its units', async () => {
      if (container.exitCode !== null) throw new Error(await new Response(container.stderr).text())
      return existsSync(init) && (await sh('systemctl is-active multi-user.target')).status === 0
    })
  await untilBooted()
  return {
    ...{ start, sh },
    async must(script, user) {
      const { status, stdout, stderr } = await sh(script, user)
      if (status !== 0) throw new Error(`${script}: ${status} ${stderr}`)
      return stdout
    },
    put: (file, path) => copyFileSync(file, `/proc/${readFileSync(init, 'utf8').trim()}/root${path}`),
    async reboot() {
      // The shutdown stops each process for a moment, and nsenter does not continue.
      for (const child of started) child.kill('SIGKILL')
      const reboot = start('systemctl reboot')
      rmSync(init)
      await reboot.exited
      await untilBooted()
    },
    async [Symbol.asyncDispose]() {
      container.stdin.end()
      await container.exited
      rmSync(folder, { recursive: true })
    },
  }
}
